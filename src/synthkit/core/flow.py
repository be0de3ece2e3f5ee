"""How columns run through parts in a row: the check that the plan and every composite share."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from synthkit.core.columns import IO, Have
from synthkit.core.component import Component
from synthkit.core.interfaces import DatasetStep, Filter, Generator, Step
from synthkit.errors import PipelineError, SynthkitError


@dataclass(frozen=True)
class Flow:
    """What parts in a row read, write and drop together, and what is wrong with them."""

    io: IO
    after: Have
    each: Sequence[IO]
    problems: Sequence[str]


def flow(parts: Sequence[Component], have: Have, *, inside: bool = False) -> Flow:
    """Follows the columns through parts. inside: within a composite, where only record steps can be."""
    problems: list[str] = []
    each: list[IO] = []
    now, reads, seen = have, dict[str, type](), set[str]()
    for part in parts:
        if part.name in seen:
            problems.append(f"two parts are called {part.name!r}: give one of them a label, as in label='…'")
        seen.add(part.name)
        if isinstance(part, Generator) or not isinstance(part, Step | Filter | DatasetStep):
            problems.append(f"{part.name}: a {type(part).__name__} cannot stand here, only steps and filters can")
        elif inside and isinstance(part, DatasetStep):
            problems.append(f"{part.name}: sees all records at once, so it cannot stand inside another step")
        problems += _not_async(part)
        try:
            io: Any = part.io(now)
        except PipelineError as error:
            problems += [f"{part.name}: {problem}" for problem in error.problems]
            io, now = IO(), now.behind_failure()
        except SynthkitError:
            raise
        except Exception as error:
            problems.append(f"{part.name}: its io() failed with {type(error).__name__}: {error}")
            io, now = IO(), now.behind_failure()
        if not isinstance(io, IO):
            problems.append(f"{part.name}: its io() returned {type(io).__name__}: return IO.of(reads=…, writes=…)")
            io, now = IO(), now.behind_failure()
        problems += [f"{part.name} reads {what}" for what in now.missing(io)]
        reads.update({name: kind for name, kind in io.reads.items() if name in have.sure and name not in reads})
        each.append(io)
        now = now.after(io)
    return Flow(_together(each, reads, have, now), now, each, problems)


def _not_async(part: Component) -> list[str]:
    """A sentence for a method that was meant to be `async def`."""
    methods = ("process", "open") if isinstance(part, Step) else ("check", "open") if isinstance(part, Filter) else ()
    return [
        f"{part.name}: write `async def {method}` in {type(part).__name__}, not `def {method}`"
        for method in methods
        if inspect.isfunction(function := getattr(type(part), method))
        and not hasattr(function, "__wrapped__")
        and not inspect.iscoroutinefunction(function)
    ]


def _together(each: Sequence[IO], reads: dict[str, type], have: Have, after: Have) -> IO:
    written = {name for io in each for name in (*io.writes, *io.maybe)}
    return IO(
        reads,
        tuple(sorted(name for name in written if name in after.sure)),
        tuple(sorted((have.sure | have.maybe) - after.sure - after.maybe)),
        tuple(sorted(name for name in written if name in after.maybe)),
        tuple(sorted({name for io in each for name in io.optional})),
        any(io.fans_out for io in each),
        {name: inside for name, inside in after.items.items() if name in written},
        tuple(sorted({name for io in each for name in io.ensures if name in have.maybe and name in after.sure})),
    )


def inner_flow(parts: Sequence[Component], have: Have, at: str) -> Flow:
    """The flow of a composite's inner parts; raises what is wrong with them, naming where."""
    found = flow(parts, have, inside=True)
    if found.problems:
        raise PipelineError(*(f"in {at!r}: {problem}" for problem in found.problems))
    return found


def columns_of(schema: Any) -> tuple[str, ...]:
    """The columns that an answer of this shape becomes: the fields of a pydantic model, or the properties of an object
    that a JSON schema describes. Raises `PipelineError` for what is neither."""
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        return tuple(schema.model_fields)
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if isinstance(properties, Mapping) and properties:
        return tuple(map(str, properties))
    raise PipelineError("Out must be a pydantic model, or a JSON schema of an object with properties")
