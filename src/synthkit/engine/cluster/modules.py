"""The Python files that belong to a run: found where it began, loaded where it is worked on."""

import importlib
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from synthkit.core.component import MARKS, Spec
from synthkit.engine import source
from synthkit.errors import PipelineError, RunError
from synthkit.plugins import Registry

PIPELINE, MODULES = "pipeline", "modules"
"""The folders of a lane: of the pipeline file with all that stands beside it, and of other modules that are local."""
_left: dict[Path, None] = {}
"""The folders from which this process has loaded modules before."""
GUARD = "each process of a cluster loads the file: what starts a run belongs under `if __name__ == '__main__':`"


@dataclass(frozen=True)
class Code:
    """files: their content by where they go, as in `pipeline/helpers.py`. file: the name of the pipeline file, None
    where no part is defined in one. modules: those of the files' modules that are loaded where the run began."""

    file: str | None = None
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    modules: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, specs: Sequence[Spec], folder: Path, file: str | None, registry: Registry, targets: Iterable[str] = ()
    ) -> "Code":
        """The run folder's copy of a pipeline file, and the local modules that it does not import and that the specs
        name, or `targets`, import strings. Raises `PipelineError` for parts that are in no file."""
        found: dict[str, bytes] = {}
        names = set[str]()
        if file is not None:
            root = folder / PIPELINE
            for path in sorted(root.rglob("*.py")):
                found[f"{PIPELINE}/{path.relative_to(root).as_posix()}"] = path.read_bytes()
                names.add(_dotted(path.relative_to(root)))
        brought = {target.partition(":")[0].partition(".")[0] for target in _targets(registry)}
        for module in sorted({*named(specs), *_modules(targets)}):
            if module in names or module.partition(".")[0] in brought:
                continue
            for root, path in _local(module):
                place = path.relative_to(root)
                if f"{PIPELINE}/{place.as_posix()}" not in found:
                    found[f"{MODULES}/{place.as_posix()}"] = path.read_bytes()
                    names.add(_dotted(place))
        return cls(file, found, tuple(name for name in sorted(names) if own(name)))

    def load(self, folder: Path) -> None:
        """Writes the files into a folder and loads the pipeline file. Modules that this process has from an earlier
        run, or from elsewhere under the same name, are forgotten first. Raises as `source.load_module`."""
        for name, content in self.files.items():
            write(folder / inside(name), content)
        _forget(self.modules)
        _left[folder.resolve()] = None
        for place in (folder / MODULES, folder / PIPELINE):
            if place.is_dir():
                sys.path.insert(0, str(place.resolve()))
        importlib.invalidate_caches()
        if self.file is not None:
            try:
                source.load_module(folder / PIPELINE / inside(self.file))
            except PipelineError as error:
                raise PipelineError(*(f"{problem}; {GUARD}" for problem in error.problems)) from error


def inside(name: str) -> PurePosixPath:
    """A path within a folder. Raises `RunError` for one that leads out of it."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise RunError(f"{name!r} is no place in a lane's folder. Please report this.")
    return path


def write(path: Path, content: bytes) -> None:
    """Writes a file of a lane. Raises `RunError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror or error}; make room or give rights there") from error


def _forget(modules: Iterable[str]) -> None:
    """Takes what earlier runs brought out of this process, and what stands in the way of `modules`."""
    old = [*_left]
    sys.path[:] = [entry for entry in sys.path if not any(Path(entry).is_relative_to(place) for place in old)]
    ours = set(modules)
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and (name in ours or any(Path(file).is_relative_to(place) for place in old)):
            del sys.modules[name]
    _left.clear()


def _dotted(path: Path) -> str:
    """The module of a file, seen from the folder that is on the path."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def named(value: Any) -> Iterator[str]:
    """The modules of the classes and functions that specs name by import string, but for those of pipeline files."""
    if isinstance(value, dict) and set(value) == {"plain"}:
        yield from named(list(value["plain"].values()))
    elif isinstance(value, dict):
        if set(value) in MARKS:
            yield from _modules([value["use"] if "use" in value else next(iter(value.values()))])
        for item in value.values():
            yield from named(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from named(item)


def _modules(targets: Iterable[Any]) -> Iterator[str]:
    """The modules of import strings."""
    for target in targets:
        module, colon, name = str(target).partition(":")
        if colon and module == "__main__":
            raise PipelineError(
                f"{name} was defined in a notebook or a prompt, from where it cannot be sent to other processes: "
                "put it into a .py file and import it from there, or run without Ray"
            )
        if colon and not module.startswith(source.PREFIX):
            yield module


def _targets(registry: Registry) -> Iterator[str]:
    """What plugins bring, which every node has to have installed."""
    return (claim.target for claim in registry.claims())


def _local(module: str) -> Iterator[tuple[Path, Path]]:
    """The files of a module that is not installed, with those it imports, each with the folder they are found from."""
    if not own(module):
        return
    path = Path(str(sys.modules[module].__file__)).resolve()
    levels = module.count(".") + (path.name == "__init__.py")
    root = path.parents[levels]
    for file in source.local([path, *source.files_of(module, root)], root):
        yield root, file


def own(module: str) -> bool:
    """Whether a module is loaded from a file of the user's own."""
    found = getattr(sys.modules.get(module), "__file__", None)
    return found is not None and not installed(Path(found))


def installed(path: Path) -> bool:
    """Whether a file came with Python or a package, and not with the user's own folder."""
    file = path.resolve()
    if not {"site-packages", "dist-packages"}.isdisjoint(file.parts):
        return True
    return any(file.is_relative_to(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib"))
