"""Parts as functions: `@generator`, `@step` and `@filter` make component classes of them."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, ClassVar, TypeVar, cast, overload

from pydantic import create_model

from synthkit.core.columns import IO, Columns, Have
from synthkit.core.component import Component
from synthkit.core.context import Context
from synthkit.core.interfaces import Filter, Generator, Round, Step
from synthkit.core.placement import Placement
from synthkit.core.record import Fields, Record
from synthkit.core.verdict import Verdict
from synthkit.errors import PipelineError, RecordError

F = TypeVar("F", bound=Callable[..., Any])
P = TypeVar("P", bound=Component)
OWN = ("label", "placement", "function", "declared", "special", "arguments")
"""Names that the parts themselves use."""


class _Function:
    """What the three kinds share: the function, its declared columns, and which of record, ctx, round it takes."""

    function: ClassVar[Callable[..., Any]]
    declared: ClassVar[IO]
    special: ClassVar[Sequence[str]]
    parameters: ClassVar[Sequence[str]]

    def io(self, have: Have) -> IO:
        return self.declared

    def arguments(self, **given: Any) -> dict[str, Any]:
        """The keyword arguments of one call: what the function asks for by name, and its parameters."""
        return {
            **{name: given[name] for name in self.special},
            **{name: getattr(self, name) for name in self.parameters},
        }


class FunctionGenerator(_Function, Generator):
    """A generator that is a function."""

    def generate(self, round: Round) -> Iterator[Fields]:
        made = type(self).function(**self.arguments(round=round))
        if "round" in self.special:
            return iter(made)
        return islice(made, round.start, round.start + round.want)


class FunctionStep(_Function, Step):
    """A step that is a function."""

    async def process(self, record: Record, ctx: Context) -> Fields | Sequence[Fields] | Verdict:
        made = type(self).function(**self.arguments(record=record, ctx=ctx))
        return cast("Fields", await made if inspect.isawaitable(made) else made)


class FunctionFilter(_Function, Filter):
    """A filter that is a function returning a verdict, true or false, or (true or false, reason)."""

    async def check(self, record: Record, ctx: Context) -> Verdict:
        said = type(self).function(**self.arguments(record=record, ctx=ctx))
        said = await said if inspect.isawaitable(said) else said
        if isinstance(said, Verdict):
            return said
        if said is None or said == () or isinstance(said, str):
            raise RecordError(f"{self.name} returned {said!r}: a filter returns true or false", reason="bad result")
        if isinstance(said, tuple):
            return Verdict(bool(said[0]), "" if said[0] or len(said) < 2 else str(said[1]))
        return Verdict(bool(said), "" if said else f"not {self.name}")


def _parameters(function: Callable[..., Any]) -> Sequence[inspect.Parameter]:
    try:
        return list(inspect.signature(function, eval_str=True).parameters.values())
    except NameError as error:
        raise PipelineError(
            f"{function.__name__}: a type of its parameters is not known ({error}): import it outside of "
            "`if TYPE_CHECKING`, or define it before the function"
        ) from error


def _component(
    base: type[P], function: Callable[..., Any], special: set[str], placement: Placement | None = None, **own: Any
) -> type[P]:
    name = function.__name__
    found, fields = [], {}
    for parameter in _parameters(function):
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise PipelineError(f"{name}: *{parameter.name} cannot be a parameter of a pipeline function")
        if parameter.name in special:
            found.append(parameter.name)
            continue
        if parameter.name in OWN:
            raise PipelineError(f"{name}: a parameter cannot be called {parameter.name!r}: rename it")
        if parameter.annotation is parameter.empty:
            raise PipelineError(f"{name}: give the parameter {parameter.name!r} a type, as in `{parameter.name}: int`")
        fields[parameter.name] = (
            parameter.annotation,
            ... if parameter.default is parameter.empty else parameter.default,
        )
    if "record" in special and "record" not in found:
        raise PipelineError(f"{name}: its first parameter must be called `record`")
    default = {} if placement is None else {"placement": (Placement | None, placement)}
    made = create_model(name, __base__=base, __module__=function.__module__, **cast(Any, {**fields, **default}))
    made.__doc__, made.__qualname__ = function.__doc__, function.__qualname__
    for key, value in {
        "function": staticmethod(function),
        "special": tuple(found),
        "parameters": tuple(fields),
        **own,
    }.items():
        setattr(made, key, value)
    return made


@overload
def generator(function: F, /) -> type[FunctionGenerator]: ...
@overload
def generator(*, writes: Columns = (), endless: bool = False) -> Callable[[F], type[FunctionGenerator]]: ...
def generator(function: Any = None, /, *, writes: Columns = (), endless: bool = False) -> Any:
    """Makes a generator of a function that yields mappings. It may take `round`; other parameters, which need types,
    become its own. endless: it never ends, so a run needs a target."""

    def make(function: F) -> type[FunctionGenerator]:
        return _component(FunctionGenerator, function, {"round"}, declared=IO.of(writes=writes), endless=endless)

    return make if function is None else make(function)


def _not_bare(function: Any, instead: str) -> None:
    if function is not None:
        raise PipelineError(f"{getattr(function, '__name__', function)}: write {instead}")


def step(
    function: None = None,
    /,
    *,
    reads: Columns = (),
    writes: Columns = (),
    drops: Columns = (),
    maybe: Columns = (),
    fans_out: bool = False,
    cpu: bool = False,
    placement: Placement | None = None,
) -> Callable[[F], type[FunctionStep]]:
    """Makes a step of a function (plain or async) that takes `record`, and `ctx` if it likes. What it reads and writes
    is declared here; its other parameters, which need types, become the step's own. placement: what it asks for on a
    cluster, unless it is given another one."""
    _not_bare(function, "@step(reads=…, writes=…), with the columns it reads and writes")

    def make(function: F) -> type[FunctionStep]:
        io = IO.of(reads, writes, drops, maybe, fans_out=fans_out)
        return _component(FunctionStep, function, {"record", "ctx"}, placement, declared=io, cpu=cpu)

    return make


def filter(
    function: None = None, /, *, reads: Columns = (), cpu: bool = False, placement: Placement | None = None
) -> Callable[[F], type[FunctionFilter]]:
    """Makes a filter of a function (plain or async) that takes `record` and returns true or false, (false, reason),
    or a `Verdict`. placement: what it asks for on a cluster, unless it is given another one."""
    _not_bare(function, "@filter(reads=…), with the columns it reads")

    def make(function: F) -> type[FunctionFilter]:
        io = IO.of(reads)
        return _component(FunctionFilter, function, {"record", "ctx"}, placement, declared=io, cpu=cpu)

    return make
