"""Component: everything in a pipeline that is configured, and how it travels as name and parameters."""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol, cast, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, field_validator
from pydantic._internal._model_construction import ModelMetaclass

from synthkit.core.answer import Schema
from synthkit.core.columns import IO, Have, hint
from synthkit.errors import PipelineError

MODEL = "synthkit.model"
ModelName = Annotated[str, MODEL]
"""A field that names a model: `provider/name`, or a name from synthkit.toml."""

EMBEDS = "synthkit.embeds"
EmbedderName = Annotated[str, MODEL, EMBEDS]
"""A field that names a model which makes vectors of texts, for `ctx.embed`."""

LABEL = re.compile(r"[a-z0-9][a-z0-9_.-]*(/[a-z0-9][a-z0-9_.-]*)*")


def kebab(name: str) -> str:
    """MinHashDedup → min-hash-dedup."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).replace("_", "-").strip("-").lower()


TAKEN = frozenset({"name", "io", "expand", "inner", "models", "files", "requires", "needs", "schemas", "embedders"})


def _free(component: str, field: str, kind: object, bases: tuple[type, ...]) -> None:
    """Raises for a parameter that would hide what every component has, or every step."""
    taken = field in TAKEN or (field == "open" and any(hasattr(base, field) for base in bases))
    if taken and not str(kind).removeprefix("typing.").startswith("ClassVar"):
        every = "component" if field in TAKEN else "step"
        raise PipelineError(f"{component}: {field!r} is what every {every} has: give the parameter another name")


class Meta(ModelMetaclass):
    """Lets a subclass set a field by plain assignment (`template = "…"`): the annotation is inherited."""

    def __new__(mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any) -> type:
        annotations = namespace.setdefault("__annotations__", {})
        for field, kind in annotations.items():
            _free(name, field, kind, bases)
        for base in bases:
            for field, info in getattr(base, "__pydantic_fields__", {}).items():
                if field in namespace and field not in annotations:
                    kind = info.annotation
                    annotations[field] = Annotated[kind, *info.metadata] if info.metadata else kind
        if isinstance(namespace.get("placement"), BaseModel) and "placement" not in annotations:
            raise PipelineError(f"{name}: only steps and filters have a placement: leave it out")
        return super().__new__(mcls, name, bases, namespace, **kwargs)

    if not TYPE_CHECKING:  # type checkers go by `__init__`

        def __call__(cls, *given: Any, **named: Any) -> Any:
            """Makes a component. Raises `PipelineError` for arguments that its own `__init__` does not take."""
            _fitting(cls, given, named)
            return super().__call__(*given, **named)


def _fitting(cls: type, given: Sequence[Any], named: Mapping[str, Any]) -> None:
    """Raises for arguments that do not fit an `__init__`."""
    signature = inspect.signature(cls.__init__)  # type: ignore[misc]
    try:
        signature.bind(None, *given, **named)
    except TypeError as error:
        raise PipelineError(*(_unfit(cls.__name__, signature, given, named) or [f"{cls.__name__}: {error}"])) from None


def _unfit(cls: str, signature: inspect.Signature, given: Sequence[Any], named: Mapping[str, Any]) -> list[str]:
    places = list(signature.parameters.values())[1:]
    kinds = {p.kind for p in places}
    known = [p for p in places if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    in_row = [p.name for p in known if p.kind != p.KEYWORD_ONLY]
    names = [p.name for p in known]
    there = in_row[: len(given)]
    wrong = [f"{cls} is given {name!r} twice" for name in named if name in there]
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        wrong += [f"{cls} has no parameter {n!r}{hint(n, names, 'it has')}" for n in named if n not in names]
    if len(given) > len(in_row) and inspect.Parameter.VAR_POSITIONAL not in kinds:
        most = f"only {', '.join(in_row)}" if in_row else "nothing"
        wrong.append(f"{cls} takes {most} without a name: write name=value")
    missing = (p.name for p in known if p.default is p.empty and p.name not in there and p.name not in named)
    return wrong + [f"{cls} needs the parameter {name!r}" for name in missing]


class Component(BaseModel, metaclass=Meta):
    """Anything configured: frozen, no unknown parameters, rebuilt from its name and parameters, never pickled."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), validate_default=True)

    requires: ClassVar[frozenset[str]] = frozenset()
    """Capabilities that its models must have, of those that `Provider.capabilities` names."""

    label: str | None = None
    """Unique in a pipeline; by default the class name in kebab-case. Ids and answers hang on it, not on positions."""

    def __init__(self, **parameters: Any) -> None:
        """Raises `PipelineError` with a sentence for each parameter that cannot be."""
        try:
            super().__init__(**parameters)
        except ValidationError as error:
            raise PipelineError(*complaints(type(self), error)) from error

    @field_validator("label")
    @classmethod
    def _speakable(cls, label: str | None) -> str | None:
        if label is not None and not LABEL.fullmatch(label):
            raise ValueError(f"{label!r} cannot be a label: use a-z, 0-9, '-', '_' and '.'")
        return label

    @property
    def name(self) -> str:
        """The label, given or default."""
        return self.label or kebab(type(self).__name__)

    def io(self, have: Have) -> IO:
        """Columns read, written, dropped, maybe written, and whether it fans out; asked once, at plan time.

        `have` holds the columns there are before it. Raises `PipelineError` where the parameters make no sense.
        """
        return IO()

    def expand(self) -> "Sequence[Component]":
        """The parts that a technique stands for; by default the component itself."""
        return (self,)

    def inner(self) -> "Mapping[str, Component | Sequence[Component]]":
        """The parts a composite runs inside itself, by the key of their path."""
        return {}

    def needs(self) -> frozenset[str]:
        """Capabilities that its models must have; by default those in `requires`."""
        return type(self).requires

    def schemas(self) -> Sequence[Schema]:
        """The schemas that its answers must fit, so that a model which cannot is told before the run."""
        return ()

    def models(self) -> Sequence[str]:
        """The models it asks: by default the values of its fields of type `ModelName`."""
        names = [m for m in _marked(self, lambda info: _holds(info, MODEL)) if isinstance(m, str)]
        return list(dict.fromkeys(names))

    def embedders(self) -> Sequence[str]:
        """Those of its models that make vectors: by default the values of its fields of type `EmbedderName`."""
        names = [m for m in _marked(self, lambda info: _holds(info, EMBEDS)) if isinstance(m, str)]
        return list(dict.fromkeys(names))

    def files(self) -> Sequence[Path]:
        """The files it reads: by default those of its fields that hold a path. A run keeps them."""
        return [p for p in _marked(self, lambda info: True) if isinstance(p, Path)]

    def __rshift__(self, other: object) -> Any:
        raise PipelineError("a pipeline starts with Pipeline(name): write Pipeline('…') >> first >> second")


def complaints(cls: type[BaseModel], error: ValidationError) -> Iterator[str]:
    """A sentence for each value that does not fit its field."""
    for problem in error.errors():
        place = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            yield f"{cls.__name__} has no parameter {place!r}{hint(place, cls.model_fields, 'it has')}"
        elif problem["type"] == "missing":
            yield f"{cls.__name__} needs the parameter {place!r}"
        else:
            yield f"{cls.__name__}: {place + ': ' if place else ''}{problem['msg'].removeprefix('Value error, ')}"


Part = Component | Sequence[Component]
"""One component, or several in a row."""


def instances(value: Any) -> Any:
    """Component classes made instances of without parameters, so that `>> count` works as `>> count()`."""
    if isinstance(value, type) and issubclass(value, Component):
        return value()
    if isinstance(value, list | tuple):
        return tuple(instances(item) for item in value)
    return value


PartField = Annotated[Component | tuple[Component, ...], BeforeValidator(instances)]
"""The type of a composite's field that holds a part."""


def chain(part: Part) -> tuple[Component, ...]:
    """The components of a part, techniques expanded."""
    if isinstance(part, Component):
        expanded = part.expand()
        if len(expanded) == 1 and expanded[0] is part:
            return (part,)
        return tuple(_within(part, inner) for item in expanded for inner in chain(item))
    return tuple(inner for item in part for inner in chain(item))


def _within(outer: Component, inner: Component) -> Component:
    """An expanded part, labelled under its technique; one of the technique's own label keeps it."""
    if inner.name == outer.name or inner.name.startswith(f"{outer.name}/"):
        return inner if inner.label else inner.model_copy(update={"label": inner.name})
    return inner.model_copy(update={"label": f"{outer.name}/{inner.name}"})


def _holds(info: Any, mark: str) -> bool:
    """Whether a field has this mark, or may hold what has it: `ModelName | None`, a list or mapping of them."""

    def within(kind: Any) -> bool:
        if get_origin(kind) is Annotated and mark in kind.__metadata__:
            return True
        return any(within(inner) for inner in get_args(kind))

    return mark in info.metadata or within(info.annotation)


def _marked(component: Component, wanted: Callable[[Any], bool]) -> Iterator[Any]:
    for name, info in type(component).model_fields.items():
        if wanted(info):
            value = getattr(component, name)
            if isinstance(value, Mapping):
                yield from value.values()
            elif isinstance(value, list | tuple):
                yield from value
            else:
                yield value


class Names(Protocol):
    """What turns classes and functions into names and back: the plugin registry."""

    def name_of(self, cls: type) -> str: ...

    def component(self, name: str) -> type: ...

    def function(self, name: str) -> Callable[..., Any]: ...


Spec = dict[str, Any]
"""{"use": name, "with": parameters}"""
MARKS = ({"use", "with"}, {"type"}, {"function"}, {"plain"})
"""The keys by which a component, a class, a function, and a mapping of just such keys are known among parameters."""


def spec(component: Component, names: Names) -> Spec:
    """The component as name and parameters, recursively; only JSON values."""
    cls = type(component)
    fields = {name: _pack(getattr(component, name), names, f"{component.name}.{name}") for name in cls.model_fields}
    return {"use": _name(cls, names, component.name), "with": fields}


def _name(cls: Any, names: Names, where: str) -> str:
    """The name of a class or function, under which another process finds it."""
    if "<lambda>" in cls.__qualname__:
        raise PipelineError(
            f"{where}: a lambda has no name by which a resumed run can find it: write it as a function, "
            "`def name(…): return …`, at the top level of its file"
        )
    if "<locals>" in cls.__qualname__:
        raise PipelineError(
            f"{where}: {cls.__name__} is defined inside a function, where a resumed run cannot find it: move it to the "
            "top level of its file"
        )
    return names.name_of(cls)


def _function(value: Any, names: Names, where: str) -> str:
    owner = getattr(value, "__objclass__", None)
    if inspect.ismethoddescriptor(value) and owner is not None:  # str.upper, which does not say its module
        return f"{owner.__module__}:{value.__qualname__}"
    if inspect.ismethod(value) or not inspect.ismodule(getattr(value, "__self__", inspect)):
        raise PipelineError(
            f"{where}: {value.__name__} belongs to one object, which a resumed run cannot find: write a function at "
            "the top level of the file"
        )
    return _name(value, names, where)


def _pack(value: Any, names: Names, where: str) -> Any:
    if isinstance(value, Component):
        return spec(value, names)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, type):
        return {"type": _name(value, names, where)}
    if inspect.isroutine(value) or (callable(value) and hasattr(value, "__wrapped__")):  # as functools.cache makes
        return {"function": _function(value, names, where)}
    if isinstance(value, BaseModel):
        return _pack(value.model_dump(), names, where)
    if isinstance(value, Mapping):
        packed = {_key(key): _pack(item, names, where) for key, item in value.items()}
        return {"plain": packed} if packed.keys() in MARKS else packed
    if isinstance(value, list | tuple):
        return [_pack(item, names, where) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise PipelineError(
        f"{where} holds a {type(value).__name__}, which cannot be recorded: parameters are text, numbers, paths, "
        "lists, mappings, functions, pydantic models and components"
    )


def _key(key: Any) -> str:
    """A mapping's key as text, from which its field's type makes the key again."""
    return str(key.value if isinstance(key, Enum) else key)


def build(given: Spec, names: Names) -> Component:
    """The component that a spec describes."""
    cls = cast(type[Component], names.component(given["use"]))
    return cls.model_validate({name: _unpack(value, names) for name, value in given["with"].items()})


def _unpack(value: Any, names: Names) -> Any:
    if isinstance(value, dict):
        if set(value) == {"use", "with"}:
            return build(value, names)
        if set(value) == {"type"}:
            return names.component(value["type"])
        if set(value) == {"function"}:
            return names.function(value["function"])
        if set(value) == {"plain"}:
            value = value["plain"]
        return {key: _unpack(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_unpack(item, names) for item in value]
    return value
