"""The hooks of synthkit, all of them.

A plugin is an entry point of the group `synthkit`. It implements any of these hooks, marked with `@hookimpl`:

    from collections.abc import Mapping
    from synthkit import hookimpl

    @hookimpl
    def synthkit_steps() -> Mapping[str, str]:
        return {"count-words": "my_package.steps:CountWords"}

Every hook takes nothing and returns registry names in kebab-case, each with the import string `package.module:Class`
of its class. Strings, so that registering is cheap: a class is imported when it is first used. Every hook fires once
while a registry is loaded, for each plugin alone, and has no stop rule: what one plugin returns keeps no other from
being asked. A plugin whose hook raises, or returns anything else, is left out as a whole and reported.

Generators, steps, filters, judges and techniques are components and share one namespace; providers and formats have
one each.
"""

from collections.abc import Mapping

import pluggy

PROJECT = "synthkit"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

HOOKS: Mapping[str, str] = {
    "synthkit_generators": "generator",
    "synthkit_steps": "step",
    "synthkit_filters": "filter",
    "synthkit_judges": "judge",
    "synthkit_techniques": "technique",
    "synthkit_providers": "provider",
    "synthkit_formats": "format",
}
"""Each hook with the kind of what it registers."""


@hookspec
def synthkit_generators() -> Mapping[str, str]:
    """Registers generators.

    Fires once for each plugin while a registry is loaded. Returns names → import strings of subclasses of
    `Generator`. No stop rule: all plugins are asked.
    """
    return {}


@hookspec
def synthkit_steps() -> Mapping[str, str]:
    """Registers steps, and dataset steps that compute rather than select.

    Fires once for each plugin while a registry is loaded. Returns names → import strings of subclasses of `Step` or
    `DatasetStep`. No stop rule: all plugins are asked.
    """
    return {}


@hookspec
def synthkit_filters() -> Mapping[str, str]:
    """Registers filters, and dataset steps that select.

    Fires once for each plugin while a registry is loaded. Returns names → import strings of subclasses of `Filter`
    or `DatasetStep`. No stop rule: all plugins are asked.
    """
    return {}


@hookspec
def synthkit_judges() -> Mapping[str, str]:
    """Registers judges.

    Fires once for each plugin while a registry is loaded. Returns names → import strings of subclasses of `Judge`.
    No stop rule: all plugins are asked.
    """
    return {}


@hookspec
def synthkit_techniques() -> Mapping[str, str]:
    """Registers techniques: components that carry a paper's or pattern's name, and may expand into several.

    Fires once for each plugin while a registry is loaded. Returns names → import strings of subclasses of
    `Component`. No stop rule: all plugins are asked.
    """
    return {}


@hookspec
def synthkit_providers() -> Mapping[str, str]:
    """Registers providers; a provider's name is the first half of a model's, as in `openai/gpt-5`.

    Fires once for each plugin while a registry is loaded. Returns names → import strings of subclasses of
    `Provider`. No stop rule: all plugins are asked.
    """
    return {}


@hookspec
def synthkit_formats() -> Mapping[str, str]:
    """Registers formats; a format's name is what an export asks for, as in `train.jsonl:sharegpt`.

    Fires once for each plugin while a registry is loaded. Returns names → import strings of subclasses of `Format`.
    No stop rule: all plugins are asked.
    """
    return {}
