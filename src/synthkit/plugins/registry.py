"""The registry: which names there are, who brings them, and the class behind each, imported when it is asked for."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from synthkit.errors import PluginError
from synthkit.plugins.claims import ONLY, Claim, settle
from synthkit.plugins.discovery import Entry, installed
from synthkit.plugins.hookspecs import HOOKS
from synthkit.plugins.imports import blamed, resolve
from synthkit.plugins.manager import Plugin, Status, load_plugins, names_in, nearest, valid_target

if TYPE_CHECKING:
    from synthkit.core import Format, Provider

KINDS: Sequence[str] = tuple(HOOKS.values())


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """An installed plugin.

    status: "ok", "off" (left out by SYNTHKIT_PLUGINS) or "broken". problem: why it is broken, or which of its names
    are withheld; empty otherwise. provides: the names it provides, sorted, by kind.
    """

    name: str
    distribution: str
    version: str
    status: Status
    problem: str = ""
    provides: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Registry:
    """Names ↔ classes of what plugins brought. Made by `load`; it never changes."""

    plugins: Sequence[PluginInfo]
    """Every installed plugin: the built-ins, then the others by name."""
    problems: Sequence[str]
    """One sentence for each thing that is wrong with the plugins; none of them is fatal."""

    def __init__(self, plugins: Sequence[Plugin], problems: Sequence[str] = ()) -> None:
        """plugins: in the order of `load_plugins`. problems: what is wrong besides."""
        winners, clashes, withheld = settle(plugins)
        self._claims = {(claim.space, claim.name): claim for claim in winners}
        self._by_class: dict[str, list[Claim]] = {}
        for claim in sorted(winners):
            self._by_class.setdefault(claim.target.partition(":")[2], []).append(claim)
        self._clashes = clashes
        self._classes: dict[tuple[str, str], type] = {}
        self.plugins = [_info(plugin, winners, withheld) for plugin in plugins]
        said = [p.problem for p in plugins if p.problem] + [text for _, text in withheld] + [*problems]
        self.problems = list(dict.fromkeys(said))

    def names(self, kind: str) -> Sequence[str]:
        """The names of a kind (generator, step, filter, judge, technique, provider, format), sorted."""
        if kind not in KINDS:
            raise PluginError(f"there is no kind {kind!r} of registered things: the kinds are {', '.join(KINDS)}")
        return sorted(claim.name for claim in self._claims.values() if claim.kind == kind)

    def component(self, name: str) -> type:
        """The class of a component: by its registered name, whatever its kind, or any class by its import string
        `module:Qual.Name`. Raises `PluginError`: unknown, clashing, not importable, not of its kind."""
        return self._class("component", name)

    def function(self, name: str) -> Callable[..., Any]:
        """A function by its import string `module:name`. Raises `PluginError`."""
        if not valid_target(name):
            raise PluginError(f"{name!r} is no import string: write 'package.module:function'")
        with blamed(f"function {name!r} cannot be imported", name):
            found = resolve(name)
        if not callable(found):
            raise PluginError(f"{name!r} is no function: name one that is")
        return cast("Callable[..., Any]", found)

    def provider(self, name: str) -> "type[Provider]":
        """The class of a provider, by name or import string. Raises `PluginError`."""
        return cast("type[Provider]", self._class("provider", name))

    def format(self, name: str) -> "type[Format]":
        """The class of a format, by name or import string. Raises `PluginError`."""
        return cast("type[Format]", self._class("format", name))

    def claims(self) -> Sequence[Claim]:
        """All that is registered, by kind in the order of `KINDS`, then by name."""
        return sorted(self._claims.values(), key=lambda claim: (KINDS.index(claim.kind), claim.name))

    def class_of(self, claim: Claim) -> type:
        """The class behind one of the claims. Raises `PluginError`."""
        return self._class(claim.space, claim.name)

    def find(self, name: str) -> Sequence[Claim]:
        """What is registered under a name, or as a class of that name: `min-hash-dedup`, `MinHashDedup`.

        Raises `PluginError` naming the nearest where there is nothing, and both plugins where they clash.
        """
        claims, wanted = self.claims(), _bare(name)
        found = [claim for claim in claims if claim.name == name]
        found = found or [claim for claim in claims if wanted in (_bare(claim.name), _bare(_class_name(claim)))]
        if found:
            return found
        for (_, clashing), said in sorted(self._clashes.items()):
            if clashing == name:
                raise PluginError(said)
        known = {_bare(_class_name(claim)): claim.name for claim in claims} | {_bare(c.name): c.name for c in claims}
        near = nearest(wanted, known)
        hint = f": did you mean {known[near]!r}?" if near else f" (there are: {', '.join(c.name for c in claims)})"
        raise PluginError(f"nothing is registered as {name!r}{hint}{self._absent()}")

    def kind_of(self, name: str) -> str:
        """The kind of a component (generator, step, filter, judge, technique) by its registered name."""
        return self._claim("component", name).kind

    def name_of(self, cls: type) -> str:
        """The registered name of a class, or else its import string. Imports nothing.

        A class that is registered by way of a package which re-exports it is known too.
        """
        for claim in self._by_class.get(cls.__qualname__, ()):
            module = claim.target.partition(":")[0]
            if module == cls.__module__ or _exported_by(module, cls):
                return claim.name
        return f"{cls.__module__}:{cls.__qualname__}"

    def _class(self, space: str, name: str) -> type:
        if ":" in name:  # not kept: the module of a pipeline file may be another one next time
            return _imported(space, name)
        key = (space, name)
        if key not in self._classes:
            self._classes[key] = _loaded(self._claim(space, name))
        return self._classes[key]

    def _claim(self, space: str, name: str) -> Claim:
        key = (space, name)
        if key in self._claims:
            return self._claims[key]
        raise PluginError(self._clashes[key] if key in self._clashes else self._unknown(space, name))

    def _unknown(self, space: str, name: str) -> str:
        there = sorted(known for owner, known in self._claims if owner == space)
        elsewhere = sorted(owner for owner, known in self._claims if known == name)
        near = nearest(name.lower().replace("_", "-"), there)
        said = f"no {space} is called {name!r}"
        if elsewhere:
            said += f", which is a {elsewhere[0]}"
        elif near:
            said += f": did you mean {near!r}?"
        return f"{said} (there are: {', '.join(there) or 'none'}{self._absent()})"

    def _absent(self) -> str:
        missing = [f"{p.name!r} ({p.status})" for p in self.plugins if p.status != "ok"]
        return f"; plugins not loaded: {', '.join(missing)}" if missing else ""


def load(entries: Iterable[Entry] | None = None, environ: Mapping[str, str] | None = None) -> Registry:
    """Loads the installed plugins, or these, as far as SYNTHKIT_PLUGINS in the environment allows."""
    found = sorted(installed() if entries is None else entries)
    only = (os.environ if environ is None else environ).get(ONLY)
    plugins = load_plugins(found, only)
    return Registry(plugins, _not_installed(only, plugins))


@cache
def registry() -> Registry:
    """The registry of this process, loaded at its first use.

    Take a `Registry` as an argument where that is possible. A test that installs something calls
    `registry.cache_clear()` before and after.
    """
    return load()


def bases(kind: str) -> tuple[type, ...]:
    """The base classes of a kind, imported now: one of them must be an ancestor."""
    from synthkit import core

    return {
        "generator": (core.Generator,),
        "step": (core.Step, core.DatasetStep),
        "filter": (core.Filter, core.DatasetStep),
        "judge": (core.Judge,),
        "technique": (core.Component,),
        "provider": (core.Provider,),
        "format": (core.Format,),
    }[kind]


def _class_name(claim: Claim) -> str:
    return claim.target.rpartition(":")[2].rpartition(".")[2]


def _bare(name: str) -> str:
    """A name without what tells spellings apart."""
    return name.replace("-", "").replace("_", "").lower()


def _info(plugin: Plugin, winners: Sequence[Claim], withheld: Sequence[tuple[Entry, str]]) -> PluginInfo:
    entry = plugin.entry
    provides = {
        kind: sorted(claim.name for claim in winners if claim.entry == entry and claim.kind == kind) for kind in KINDS
    }
    problems = [plugin.problem, *(text for owner, text in withheld if owner == entry)]
    return PluginInfo(
        entry.name,
        entry.distribution,
        entry.version,
        plugin.status,
        "; ".join(text for text in problems if text),
        {kind: names for kind, names in provides.items() if names},
    )


def _not_installed(only: str | None, plugins: Sequence[Plugin]) -> Sequence[str]:
    """What SYNTHKIT_PLUGINS names and nobody has installed."""
    names = [plugin.entry.name for plugin in plugins]
    others = [f"{p.entry.name} of {p.entry.distribution} {p.entry.version}" for p in plugins if not p.builtin]
    problems = []
    for name in dict.fromkeys(names_in(only or "")):
        if name not in names:
            near = nearest(name, names)
            hint = f": did you mean {near!r}?" if near else ""
            listed = ", ".join(others) or "none"
            problems.append(f"{ONLY} names the plugin {name!r}, which is not installed{hint} (installed: {listed})")
    return problems


def _loaded(claim: Claim) -> type:
    """The class of a claim. Raises `PluginError` when it cannot be imported or is not of its kind."""
    with blamed(f"{claim} cannot be imported from {claim.target!r}", claim.target, claim.entry.distribution):
        found = resolve(claim.target)
    allowed = bases(claim.kind)
    if not isinstance(found, type) or not issubclass(found, allowed):
        expected = " or ".join(base.__name__ for base in allowed)
        raise PluginError(
            f"{claim} is {claim.target!r}, which is no class derived from {expected}: derive it, or register it "
            "under its own kind"
        )
    return found


def _imported(space: str, target: str) -> type:
    """The class behind an import string that nobody registered."""
    if not valid_target(target):
        raise PluginError(f"{target!r} is no import string: write 'package.module:Class'")
    with blamed(f"{space} {target!r} cannot be imported", target):
        found = resolve(target)
    allowed = (object,) if space == "component" else bases(space)
    if not isinstance(found, type) or not issubclass(found, allowed):
        expected = "" if space == "component" else f" derived from {allowed[0].__name__}"
        raise PluginError(f"{space} {target!r} is no class{expected}: name one that is")
    return found


def _exported_by(module: str, cls: type) -> bool:
    """Whether a package around the class's own module, hence one that is imported already, has it under its name."""
    if not cls.__module__.startswith(f"{module}."):
        return False
    found: object = sys.modules.get(module)
    for name in cls.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is cls
