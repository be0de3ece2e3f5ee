"""Which plugins are installed: the entry points of the group `synthkit`. Nothing of them is imported here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib import metadata

GROUP = "synthkit"


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """An installed plugin: its entry point, and the distribution that brings it.

    problem: a sentence when it cannot be loaded and that is known without trying.
    """

    name: str
    distribution: str
    version: str
    value: str
    problem: str = ""

    def __str__(self) -> str:
        return f"plugin {self.name!r} ({self.distribution} {self.version})"


def installed() -> Sequence[Entry]:
    """Every plugin on the path, sorted.

    Not `importlib.metadata.entry_points`: there, one broken `entry_points.txt` of any distribution hides all plugins,
    and every file is parsed where a look for the group's heading will do.
    """
    from importlib import metadata  # 30 ms, paid when plugins are looked for

    named: set[str] = set()
    entries: set[Entry] = set()
    for distribution in metadata.distributions():
        if not _mentions_group(distribution):
            continue
        name = _text(distribution, "Name")
        if name:
            named.add(name)
        else:
            entries.update(_entries(distribution))
    for name in named:
        try:  # by name: the path may hold an older one too, and the first is what gets imported
            entries.update(_entries(metadata.distribution(name)))
        except metadata.PackageNotFoundError:  # the remains of an uninstallation
            continue
    return sorted(entries)


def _mentions_group(distribution: "metadata.Distribution") -> bool:
    try:
        text = distribution.read_text("entry_points.txt")
    except (OSError, UnicodeDecodeError):
        return False
    return f"[{GROUP}]" in (text or "")


def _entries(distribution: "metadata.Distribution") -> Iterator[Entry]:
    name = _text(distribution, "Name") or str(distribution.locate_file(""))
    version = _text(distribution, "Version") or "of unknown version"
    try:
        points = list(distribution.entry_points)
    except Exception as error:
        said = " ".join(str(error).split())
        problem = f"the entry_points.txt of {name} cannot be read: {said}; reinstall or uninstall {name}"
        yield Entry(name, name, version, "", problem)
        return
    for point in points:
        if point.group == GROUP:
            yield Entry(point.name, name, version, point.value)


def _text(distribution: "metadata.Distribution", key: str) -> str:
    try:
        found = distribution.metadata.get_all(key) or [""]
    except Exception:  # no METADATA, or not a text
        return ""
    return str(found[0])
