"""Loads plugins, each on its own: one that is broken is left out and reported, never fatal."""

import difflib
import inspect
import keyword
import re
from collections import Counter
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pluggy

from synthkit.errors import PluginError
from synthkit.plugins import hookspecs
from synthkit.plugins.discovery import Entry
from synthkit.plugins.hookspecs import HOOKS, PROJECT
from synthkit.plugins.imports import blamed, resolve

BUILTIN = "synthkit"
BUILTINS = "synthkit.plugins.builtins"
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
COMPONENTS = ("generator", "step", "filter", "judge", "technique")
Status = Literal["ok", "off", "broken"]


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin after the attempt to load it: what it registers, by kind, or the problem it has."""

    entry: Entry
    status: Status
    problem: str = ""
    parts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def builtin(self) -> bool:
        """Whether this is what synthkit brings itself."""
        return self.entry.distribution == BUILTIN and self.entry.value == BUILTINS


def load_plugins(entries: Iterable[Entry], only: str | None) -> Sequence[Plugin]:
    """Loads plugins, built-ins first, then by name. only: the names to load, separated by commas; None for all."""
    builtin, others = _split(sorted(entries))
    counts = Counter(entry.name for entry in others)
    wanted = None if only is None else names_in(only)
    plugins = [_load(builtin)]
    for entry in others:
        if wanted is not None and entry.name not in wanted:
            plugins.append(Plugin(entry, "off"))
        elif entry.name == BUILTIN or counts[entry.name] > 1:
            plugins.append(Plugin(entry, "broken", _name_taken(entry, others)))
        else:
            plugins.append(_load(entry))
    return plugins


def names_in(only: str) -> Sequence[str]:
    """The names in a value of SYNTHKIT_PLUGINS."""
    return [name.strip() for name in only.split(",") if name.strip()]


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name most like this one, None when there is none like it."""
    return next(iter(difflib.get_close_matches(name, sorted(names), n=1)), None)


def valid_target(target: str) -> bool:
    """Whether this is an import string `package.module:Class`."""
    module, _, qualname = target.partition(":")
    parts = [*module.split("."), *qualname.split(".")]
    return all(part.isidentifier() and not keyword.iskeyword(part) for part in parts)


def _split(entries: Sequence[Entry]) -> tuple[Entry, Sequence[Entry]]:
    """The built-ins, which are there even where synthkit runs without being installed, and the others."""
    own = [entry for entry in entries if entry.distribution == BUILTIN and entry.value == BUILTINS]
    builtin = own[0] if own else Entry(BUILTIN, BUILTIN, "of unknown version", BUILTINS)
    return builtin, [entry for entry in entries if entry not in own]


def _name_taken(entry: Entry, others: Sequence[Entry]) -> str:
    if entry.name == BUILTIN:
        return f"{entry} has the name of the built-ins: rename its entry point, or uninstall {entry.distribution}"
    same = [f"{other.distribution} {other.version}" for other in others if other.name == entry.name]
    return (
        f"more than one plugin is called {entry.name!r}, of {' and '.join(same)}, so none of them is loaded: "
        "uninstall all but one"
    )


def _load(entry: Entry) -> Plugin:
    if entry.problem:
        return Plugin(entry, "broken", entry.problem)
    try:
        return Plugin(entry, "ok", parts=_parts(entry))
    except PluginError as error:
        return Plugin(entry, "broken", str(error))


def _parts(entry: Entry) -> Mapping[str, Mapping[str, str]]:
    """What a plugin registers, by kind. Raises `PluginError` for whatever is wrong with it."""
    target = entry.value.partition("[")[0].replace(" ", "")  # extras after the object mean nothing at this point
    if not valid_target(target if ":" in target else f"{target}:x"):
        raise PluginError(
            f"{entry} has the entry point {entry.value!r}, which is no import string: write 'package.module'"
        )
    with blamed(f"{entry} cannot be imported from {target!r}", target, entry.distribution):
        plugin = resolve(target)
    # A manager of its own: nothing that one plugin does to it reaches another.
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    with blamed(f"{entry} cannot be registered", target, entry.distribution):
        problem = _hooks_problem(plugin, manager)
        if problem is None:
            manager.register(plugin, entry.name)
            manager.check_pending()
    if problem is not None:
        raise PluginError(f"{entry} {problem}")
    parts: dict[str, dict[str, str]] = {}
    for hook, kind in HOOKS.items():
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            with blamed(f"{entry} fails in {hook}()", target, entry.distribution):
                # Called one by one: a call through the relay hides an implementation that returns None.
                made = implementation.function()
                made = dict(made) if isinstance(made, Mapping) else made
            parts.setdefault(kind, {}).update(_checked(f"{entry}: {hook}()", made))
    _check_namespace(entry, parts)
    return parts


def _hooks_problem(plugin: Any, manager: pluggy.PluginManager) -> str | None:
    """Says in our words what pluggy would say in several lines, or not at all."""
    found = False
    for name in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, name)
        if options is None:
            if name in HOOKS and callable(getattr(plugin, name)):
                return f"defines {name}() without @hookimpl: put it above the function"
            continue
        found = True
        hook = options.get("specname") or name
        if hook in HOOKS:
            problem = _arguments_problem(hook, name, getattr(plugin, name))
            if problem is not None:
                return problem
        elif not options.get("optionalhook"):
            near = nearest(hook, HOOKS)
            known = f"did you mean {near}?" if near else f"the hooks are {', '.join(sorted(HOOKS))}"
            return f"implements the hook {hook}, which does not exist: {known}"
    return None if found else "implements no hook of synthkit: mark its functions with @hookimpl"


def _arguments_problem(hook: str, name: str, function: Any) -> str | None:
    parameters = list(inspect.signature(function).parameters.values())
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    if all(p.default is not p.empty or p.kind in optional for p in parameters):
        return None
    bare = inspect.Signature([p.replace(annotation=p.empty) for p in parameters])
    return f"defines {name}{bare} where {hook}() is expected: remove its parameters"


def _checked(where: str, made: Any) -> Mapping[str, str]:
    """What a hook returned, when it is names → import strings."""
    if isinstance(made, Coroutine):
        made.close()  # or Python warns that nobody awaited it
    if not isinstance(made, Mapping):
        raise PluginError(f"{where} returned {_described(made)} where a mapping of names to import strings is expected")
    return {_name(where, name): _target(where, name, target) for name, target in made.items()}


def _name(where: str, name: Any) -> str:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        from synthkit.core.component import kebab

        better = kebab(name) if isinstance(name, str) else ""
        hint = better if NAME.fullmatch(better) else "min-hash-dedup"
        raise PluginError(f"{where} returned the name {name!r}, which is not kebab-case: write it like {hint!r}")
    return name


def _target(where: str, name: str, target: Any) -> str:
    if isinstance(target, type):
        better = f"{target.__module__}:{target.__qualname__}"
        raise PluginError(f"{where} returned a class for {name!r} where a string is expected: write {better!r}")
    if not isinstance(target, str) or not valid_target(target):
        raise PluginError(
            f"{where} returned {target!r} for {name!r}, which is no import string: write 'package.module:Class'"
        )
    return target


def _described(made: Any) -> str:
    return "None" if made is None else f"a value of type {type(made).__name__}"


def _check_namespace(entry: Entry, parts: Mapping[str, Mapping[str, str]]) -> None:
    """Components share one namespace, so a name may stand for one kind only."""
    owner: dict[str, str] = {}
    for kind in COMPONENTS:
        for name in parts.get(kind, {}):
            if name in owner:
                raise PluginError(
                    f"{entry} registers {name!r} as a {owner[name]} and as a {kind}: give one of them another name"
                )
            owner[name] = kind
