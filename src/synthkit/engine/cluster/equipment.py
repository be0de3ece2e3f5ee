"""Equipment: what a run needs installed, and what a node has of it."""

import platform
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from synthkit.engine.cluster.found import found
from synthkit.engine.cluster.modules import named, own
from synthkit.engine.plan import Plan
from synthkit.models.project import Project
from synthkit.plugins import Registry

PYTHON = "Python"
ALWAYS = ("synthkit", "ray")


@dataclass(frozen=True)
class Equipment:
    """where: a name for the node. versions: by distribution, and of Python major and minor; what is not there is left
    out. broken: why a plugin that is installed does not work there, by distribution."""

    where: str
    versions: Mapping[str, str] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan, project: Project, formats: Iterable[str], registry: Registry) -> "Equipment":
        """What a plan needs, in the versions of this process. formats: of its exports, as in `dpo,messages=chat`."""
        names = set[str]()
        for spec in plan.specs:
            names |= _used(spec)
        wanted = {("component", name) for name in names}
        wanted |= {("component", registry.name_of(type(component))) for _, component in plan.components()}
        wanted |= {("format", text.partition(",")[0]) for text in formats}
        for _, component in plan.components():
            wanted |= {("provider", project.model(ref).provider) for ref in component.models()}
        brought = {(claim.space, claim.name): claim.entry.distribution for claim in registry.claims()}
        needed = {brought[each] for each in wanted if each in brought} | _packages(plan, registry)
        return cls.here([*ALWAYS, *sorted(needed - {*ALWAYS})], registry)

    @classmethod
    def here(cls, names: Iterable[str], registry: Registry, where: str = "") -> "Equipment":
        """What this process has of these distributions. where: by default the machine's name."""
        versions = found(names)
        plugins = {plugin.distribution: plugin for plugin in registry.plugins if plugin.distribution in versions}
        broken = {name: plugin.problem for name, plugin in plugins.items() if plugin.status == "broken"}
        broken |= {name: "SYNTHKIT_PLUGINS leaves it out" for name, p in plugins.items() if p.status == "off"}
        return cls(where or platform.node(), versions, broken)


def compared(mine: Equipment, theirs: Equipment) -> list[str]:
    """A sentence for each thing that a node lacks or has in another version than the run was begun with."""
    said = []
    for name, version in mine.versions.items():
        there = theirs.versions.get(name)
        if name == PYTHON and there != version:
            said.append(
                f"the node {theirs.where} runs Python {there}, and this run needs {version}: start Ray there with that "
                "Python"
            )
        elif there is None:
            said.append(f"the node {theirs.where} lacks {name} {version}: install it there{_mended(name)}")
        elif there != version:
            said.append(
                f"the node {theirs.where} has {name} {there}, and this run needs {version}: install that version there"
                f"{_mended(name)}"
            )
        elif name in theirs.broken:
            said.append(
                f"{name} {version} does not work on the node {theirs.where} ({theirs.broken[name]}): mend it there"
            )
    return said


def bare(text: str) -> str | None:
    """What is said of a node that cannot even load what a lane is, None where that is not it. text: Ray's."""
    lacks = re.search(r"ModuleNotFoundError: No module named '(\w+)", text)
    if lacks is None or "failed to import on the worker" not in text:
        return None
    name, place = lacks[1], re.search(r"\bip=([\w.:]+)", text)
    version = f" {metadata.version(name)}" if name == "synthkit" else ", which synthkit needs"
    return f"the node {place[1] if place else 'of a lane'} lacks {name}{version}: install it there{_mended(name)}"


def _mended(name: str) -> str:
    """What else mends that: Ray itself is what nodes run, and cannot be another one in a lane."""
    return "" if name == "ray" else ", or let --runtime-env do it for this run"


def _packages(plan: Plan, registry: Registry) -> set[str]:
    """The distributions of the installed modules that specs name by import string."""
    tops = {module.partition(".")[0] for module in named(plan.specs) if not own(module)} - {*sys.stdlib_module_names}
    plugins = {
        claim.target.partition(":")[0].partition(".")[0]: claim.entry.distribution for claim in registry.claims()
    }
    found = {plugins[top] for top in tops if top in plugins}
    if others := tops - plugins.keys():
        there = metadata.packages_distributions()  # reads the files of all packages there are
        found |= {name for top in others for name in there.get(top, ())[:1]}
    return found


def _used(value: Any) -> set[str]:
    """The names of components in a spec, techniques that have become their parts included."""
    if isinstance(value, dict):
        own = {value["use"]} if set(value) == {"use", "with"} else set[str]()
        return own.union(*map(_used, value.values()))
    if isinstance(value, list | tuple):
        return set[str]().union(*map(_used, value))
    return set()
