"""Small real distributions: modules, dist-info and entry points in a folder on the path."""

import importlib
from collections.abc import Mapping
from pathlib import Path

from synthkit.plugins import Registry, load
from synthkit.plugins.discovery import Entry, installed


def hook(name: str, body: str) -> str:
    """The source of a plugin's module with one hook."""
    return f"from synthkit.plugins import hookimpl\n\n@hookimpl\ndef synthkit_{name}():\n    {body}\n"


class Site:
    """A folder on the path. Modules are called after their distribution, so that no two tests share one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.distributions = {"synthkit"}

    def add(
        self,
        distribution: str,
        plugins: Mapping[str, str],
        files: Mapping[str, str] | None = None,
        *,
        version: str = "1.0",
        metadata: bool = True,
    ) -> Path:
        """Installs a distribution: entry points (name → value) and modules (file → source)."""
        info = self.path / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        if metadata:
            text = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
            (info / "METADATA").write_text(text, "utf-8")
        lines = [f"{name} = {value}" for name, value in plugins.items()]
        (info / "entry_points.txt").write_text("\n".join(["[synthkit]", *lines, ""]), "utf-8")
        for name, source in (files or {}).items():
            (self.path / name).write_text(source, "utf-8")
        importlib.invalidate_caches()
        self.distributions.add(distribution)
        return info

    def plugin(self, name: str, source: str, version: str = "1.0") -> None:
        """The usual case: the distribution `dist-<name>` with the plugin `<name>` in the module `plugin_<name>`."""
        module = f"plugin_{name}"
        self.add(f"dist-{name}", {name: module}, {f"{module}.py": source}, version=version)

    def entries(self) -> list[Entry]:
        """What is installed here; a plugin that the environment of the tests has is none of it."""
        return [entry for entry in installed() if entry.distribution in self.distributions]

    def load(self, only: str | None = None) -> Registry:
        return load(self.entries(), {} if only is None else {"SYNTHKIT_PLUGINS": only})
