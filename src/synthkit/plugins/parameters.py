"""Parameters of a component, read from its class: types and defaults as one writes them, and what each means."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, cast, get_args, get_origin

from synthkit.plugins.docstrings import attribute_docs, parse

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


@dataclass(frozen=True)
class Parameter:
    """A parameter of a component: its name, its type and default as they are written, and what it means.

    limits: what its values are held to («from 1 to 5»). required: there is no default.
    """

    name: str
    type: str
    default: str
    required: bool
    limits: str = ""
    meaning: str = ""

    @property
    def about(self) -> str:
        """Type, limits and default in a line."""
        return ", ".join(filter(None, [self.type, self.limits, self.given]))

    @property
    def given(self) -> str:
        """Whether it must be given, or what it is else."""
        return "required" if self.required else f"default {self.default}"


def parameters_of(cls: type, prompts: Collection[str] = ()) -> Sequence[Parameter]:
    """The fields of a pydantic model, its own first. prompts: those whose default is shown elsewhere."""
    fields: dict[str, FieldInfo] = getattr(cls, "model_fields", {})
    meant = meanings(cls)
    return [_parameter(name, info, meant.get(name, ""), prompts) for name, info in _sorted(cls, fields)]


def meanings(cls: type) -> Mapping[str, str]:
    """What each parameter means: as the class says in its docstring («name: meaning.»), in a docstring beneath the
    field, or else the classes that it is derived from; or as the `description` of a pydantic `Field`."""
    fields: dict[str, FieldInfo] = getattr(cls, "model_fields", {})
    wanted = {*fields, *class_variables(cls)}
    found: dict[str, str] = {}
    for base in cls.__mro__:
        if base is object or base.__module__.partition(".")[0] == "pydantic":
            continue
        for name, said in {**attribute_docs(base), **parse(own_doc(base), wanted).meanings}.items():
            if name in wanted:
                found.setdefault(name, said)
    for name, info in fields.items():
        if info.description:
            found.setdefault(name, info.description)
    return found


def own_doc(cls: type) -> str | None:
    return cast("str | None", vars(cls).get("__doc__"))


def class_variables(cls: type) -> set[str]:
    """What the class and its bases declare as theirs, rather than as parameters."""
    return {
        name
        for base in cls.__mro__
        for name, kind in vars(base).get("__annotations__", {}).items()
        if not name.startswith("_") and str(kind).removeprefix("typing.").startswith("ClassVar")
    }


def _sorted(cls: type, fields: "Mapping[str, FieldInfo]") -> "Iterator[tuple[str, FieldInfo]]":
    """A class's own parameters first, then those of its bases."""
    seen: set[str] = set()
    for base in cls.__mro__:
        for name in vars(base).get("__annotations__", {}):
            if name in fields and name not in seen:
                seen.add(name)
                yield name, fields[name]
    yield from ((name, info) for name, info in fields.items() if name not in seen)


def _parameter(name: str, info: "FieldInfo", meaning: str, prompts: Collection[str]) -> Parameter:
    required = info.is_required()
    default = "" if required else spelled(info.get_default(call_default_factory=True, validated_data={}))
    if name in prompts:
        default = "the prompt below"
    kind = type_text(info.annotation, info.metadata)
    return Parameter(name, kind, default, required, _limits(info), sentence(meaning))


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def type_text(kind: Any, metadata: Sequence[Any] = ()) -> str:
    """A type as one would write it."""
    from synthkit.core.component import EMBEDS, MODEL, Component

    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return type_text(arguments[0], arguments[1:])
    if MODEL in metadata:
        return "EmbedderName" if EMBEDS in metadata else "ModelName"
    if origin is Literal:
        return " | ".join(spelled(value) for value in arguments)
    if origin in (Union, UnionType):
        if set(arguments) == set(get_args(Component | tuple[Component, ...])):
            return "Part"
        return " | ".join(type_text(argument) for argument in sorted(arguments, key=lambda a: a is NoneType))
    if origin is Callable:
        return "function"
    if origin is not None:
        if arguments[1:] == (...,):  # a list will do
            return f"list[{type_text(arguments[0])}]"
        inner = ", ".join(map(type_text, arguments))
        return f"{getattr(origin, '__name__', origin)}[{inner}]"
    return "None" if kind is NoneType else getattr(kind, "__name__", None) or str(kind).removeprefix("typing.")


def spelled(value: Any) -> str:
    """A value as one would write it in Python."""
    if isinstance(value, Enum):
        return spelled(value.value)
    if isinstance(value, str | Path):
        return json.dumps(str(value), ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{spelled(key)}: {spelled(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(spelled, value)) + "]"
    return value.__name__ if isinstance(value, type) else repr(value)


def _limits(info: "FieldInfo") -> str:
    """What the field's constraints say, in words."""
    got: dict[str, Any] = {}
    for item in info.metadata:
        for name in ("ge", "gt", "le", "lt", "min_length", "max_length"):
            if getattr(item, name, None) is not None:
                got[name] = getattr(item, name)
    if {"ge", "le"} <= got.keys():
        return f"from {got['ge']} to {got['le']}"
    words = {"ge": "at least {}", "gt": "over {}", "le": "at most {}", "lt": "under {}"}
    words |= {"min_length": "not shorter than {}", "max_length": "not longer than {}"}
    return ", ".join(said.format(got[name]) for name, said in words.items() if name in got)
