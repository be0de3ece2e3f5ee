"""Map: a plain function as a step."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from synthkit.core import IO, Context, Fields, Have, Record, Step, Verdict
from synthkit.core.component import Component, kebab
from synthkit.errors import PipelineError
from synthkit.steps._code import Code, call_of, code_of
from synthkit.steps._columns import named

Names = str | list[str]


class Map(Step):
    """Runs a plain function on every record: `Map(len, "text", into="length")`.

    In a notebook, `def shout(record): return {"loud": record["text"].upper()}` and `Map(shout)` will do. What the
    function is given:

    - with columns named, `Map(str.strip, "text")`, their values, in this order;
    - else, if its one parameter is called `record` (or `row`, or `example`), the whole record, read only;
    - else the columns that its parameters are called like; those with a default may be missing, and types
      (`text: str`) make a record of another type fail.

    It returns a mapping of new columns; or a list of mappings, or yields them, for a record of each; or `drop(reason)`.
    With `into` it returns the value of that column, and if just one column is named, and nothing else, the value that
    takes its place. Which columns there will be is read off its code, where it returns mappings written out as in
    `return {"loud": …}`; otherwise say writes=["loud"].

    The step is called like the function. What the function raises fails the record. For one with parameters of its own,
    one that takes the context, or one that is heavy on the CPU, there is `@step`.

    function: defined at the top level of a file or a module, or in a notebook's cell, plain or async; a lambda is
    refused, for a resumed run could not find it. columns: those whose values it is given. into: the column of its
    result. reads: the columns of a record that it needs, where its code (`record["text"]`) does not show them. writes:
    the columns that it always returns. fans_out: whether it returns several records of one, where its code does not
    show it.

    Example:
        (
            Pipeline("example")
            >> Rows([{"text": "one two"}])
            >> Map(str.upper, "text", into="loud")
        )
    """

    function: Callable[..., Any]
    columns: tuple[str, ...] = ()
    into: str | None = None
    reads: Names | None = None
    writes: Names | None = None
    fans_out: bool = False

    def __init__(self, function: Callable[..., Any], *column: str, **parameters: Any) -> None:
        if isinstance(function, Component) or (isinstance(function, type) and issubclass(function, Component)):
            name = function.name if isinstance(function, Component) else function.__name__
            raise PipelineError(f"{name} is a part of a pipeline already: write `>> {name}` without Map")
        super().__init__(function=function, **({"columns": column} if column else {}), **parameters)

    @property
    def name(self) -> str:
        return self.label or ("map" if "<" in self._called else kebab(self._called))

    @property
    def _called(self) -> str:
        return str(getattr(self.function, "__name__", type(self.function).__name__))

    @property
    def _target(self) -> str | None:
        """The one column that the result goes into; None where it is a mapping."""
        if self.into is not None or self.writes is not None or self._code.writes is not None:
            return self.into
        return self.columns[0] if len(self.columns) == 1 else None

    @property
    def _code(self) -> Code:
        return code_of(self.function)

    def io(self, have: Have) -> IO:
        if self.into is not None and self.writes is not None:
            raise PipelineError("give either `into`, the column of its result, or `writes`, the columns it returns")
        if self._code.sets:
            column = self._code.sets[0]
            raise PipelineError(
                f"{self._called} changes its record, which never changes: let it return {{{column!r}: …}} instead"
            )
        reads, optional = self._reads()
        if self._target is not None:
            named([self._target], "to write")
            return IO.of(reads, self._target, optional=optional)
        if self.writes is not None:
            writes = _listed(self.writes)
            named(writes, "to write")
            return IO.of(reads, writes, optional=optional, fans_out=self.fans_out)
        code = self._code
        if code.writes is None:
            raise PipelineError(
                f"its code does not show which columns {self._called} makes: say Map({self._called}, writes=[…]) if it "
                f"returns a mapping of columns, Map({self._called}, into='…') if it returns the value of one"
            )
        return IO.of(reads, code.writes, maybe=code.maybe, optional=optional, fans_out=code.fans_out or self.fans_out)

    def _reads(self) -> tuple[dict[str, type], list[str]]:
        """The columns it needs, and those it takes if they are there."""
        call = call_of(self.function)
        if self.columns:
            named(self.columns, "to take")
            if self.reads is not None:
                raise PipelineError("it names the columns to take already: leave `reads` out")
            kinds = list(call.columns.values()) if call and not call.record else []
            kinds += [object] * (len(self.columns) - len(kinds))
            return dict(zip(self.columns, kinds, strict=False)), []
        if call is None:
            raise PipelineError(
                f"which columns {self._called} takes cannot be seen: name them, as in "
                f"Map({self._called}, 'text', into='…')"
            )
        if call.record is None:
            needed = {name: kind for name, kind in call.columns.items() if name not in call.optional}
            if not needed:
                raise PipelineError(f"{self._called} takes no column: give it a parameter called like one, or `record`")
            return needed, list(call.optional)
        if self.reads is not None:
            return dict.fromkeys(_listed(self.reads), object), []
        return dict.fromkeys(self._code.reads, object), list(self._code.optional)

    async def process(self, record: Record, ctx: Context) -> Fields | Sequence[Fields] | Verdict:
        made = self._made(record)
        if inspect.isawaitable(made):
            made = await made
        if inspect.isgenerator(made):
            made = list(made)
        if isinstance(made, Verdict):
            return made
        if self._target is not None:
            return {self._target: made}
        if isinstance(made, Mapping):
            return self._new(made, record)
        if isinstance(made, list | tuple):
            return [self._new(fields, record) if isinstance(fields, Mapping) else fields for fields in made]
        return cast(Fields, made)  # no mapping: the engine says so

    def _made(self, record: Record) -> Any:
        if self.columns:
            return self.function(*(record[name] for name in self.columns))
        call = call_of(self.function)
        if call is None or call.record is not None:
            return self.function(record)
        taken = [name for name in call.columns if name in record or name not in call.optional]
        return self.function(**{name: record[name] for name in taken})

    def _new(self, fields: Mapping[str, Any], record: Record) -> Fields:
        """What is new in a mapping that may repeat the record's own columns."""
        mine = (*_listed(self.writes or ()), *(self._code.writes or ()), *self._code.maybe)
        return {
            name: value for name, value in fields.items() if name in mine or name not in record or record[name] != value
        }


def _listed(names: Names | tuple[()]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)
