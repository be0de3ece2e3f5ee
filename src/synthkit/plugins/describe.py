"""What there is to know of a registered class, read from the class itself, for the command line and the docs."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from synthkit.plugins.claims import Claim
from synthkit.plugins.docstrings import Doc, parse
from synthkit.plugins.parameters import Parameter, class_variables, own_doc, parameters_of, sentence
from synthkit.plugins.registry import Registry

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from synthkit.core import Format, Provider


@dataclass(frozen=True)
class Description:
    """A registered class.

    home: the module to import it from. prompts: the templates that are defaults of its parameters, by their names.
    settable: what a subclass may set besides its parameters, with its meaning (the `Out` of a `Prompt`). facts: what a
    provider declares of itself, or how a format is used.
    """

    claim: Claim
    cls: type
    home: str
    doc: Doc
    parameters: Sequence[Parameter] = ()
    prompts: Mapping[str, str] = field(default_factory=dict)
    settable: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def import_line(self) -> str:
        return f"from {self.home} import {self.cls.__name__}"


def describe(claim: Claim, names: Registry) -> Description:
    """Describes what is registered. Raises `PluginError` when it cannot be imported."""
    cls = names.class_of(claim)
    if claim.kind == "provider":
        return Description(claim, cls, home(cls), parse(cls.__doc__), facts=_facts(claim.name, cls))
    return described(claim, cls)


def described(claim: Claim, cls: type) -> Description:
    """Describes the class of a component."""
    fields: dict[str, FieldInfo] = getattr(cls, "model_fields", {})
    prompts = {name: info.default for name, info in fields.items() if _is_prompt(cls, name, info.default)}
    doc = parse(own_doc(cls), [*fields, *class_variables(cls)])
    parameters = [found for found in parameters_of(cls, prompts) if not _everywhere(found)]
    settable = {name: sentence(said) for name, said in doc.meanings.items() if name not in fields}
    doc = replace(doc, text=(*doc.text, *_base_text(cls)))
    facts = _format_facts(claim.name, cls) if claim.kind == "format" else {}
    return Description(claim, cls, home(cls), doc, parameters, prompts, settable, facts)


def _everywhere(parameter: Parameter) -> bool:
    """Whether it is a parameter that all have, and says nothing of this one."""
    return parameter.name == "label" or (parameter.name == "placement" and parameter.default == "None")


def _is_prompt(cls: type, name: str, default: Any) -> bool:
    """Whether the default of a parameter is a template."""
    from synthkit.core import Prompt

    own = issubclass(cls, Prompt) and name in ("template", "system")
    return isinstance(default, str) and (own or "{{" in default or "{%" in default)


def home(cls: type) -> str:
    """The shortest package that exports a class, of those that its module is in."""
    parts = cls.__module__.split(".")
    packages = [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
    return next((p for p in packages if getattr(sys.modules.get(p), cls.__name__, None) is cls), cls.__module__)


def _base_text(cls: type) -> Sequence[str]:
    """What the classes in between say, which have no page of their own: those neither registered nor the core's."""
    text: list[str] = []
    for base in cls.__mro__[1:]:
        if not base.__module__.startswith(("synthkit.core", "pydantic", "abc", "builtins", "typing")):
            text += parse(own_doc(base), [*getattr(base, "model_fields", ()), *class_variables(base)]).text
    return text


SAMPLE: Mapping[str, Any] = {
    "instruction": "Add 2 and 3.",
    "input": "",
    "question": "2 + 3?",
    "answer": "5",
    "output": "5",
    "prompt": "Add 2 and 3.",
    "chosen": "5",
    "rejected": "6",
    "completion": "5",
    "label": True,
}
"""A record that has what most formats read."""


def _format_facts(name: str, cls: "type[Format]") -> Mapping[str, str]:
    """How one exports in a format, and what a line of the file is then."""
    told = {"export": f"`--export train.jsonl:{name}`"}
    try:
        return {**told, "a line": f"`{json.dumps(cls().encode(SAMPLE), ensure_ascii=False)}`"}
    except Exception:  # one that needs parameters, or other columns
        return told


def _facts(name: str, cls: "type[Provider]") -> Mapping[str, str]:
    """What a provider declares."""
    key = f"`{cls.key_env}` in the environment" if cls.key_env else "none needed"
    return {
        "models": f"`{name}/NAME`",
        "key": key if cls.needs_key or not cls.key_env else f"{key}, where there is one",
        "options": ", ".join(sorted(cls.options)),
        "capabilities": ", ".join(sorted(cls.capabilities)),
    }
