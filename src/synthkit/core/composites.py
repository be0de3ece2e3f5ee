"""Composites: parts made of parts, run for one record. Children run side by side; only `ask` holds a permit."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from synthkit import errors
from synthkit.core.columns import IO, Have, hint
from synthkit.core.component import Part, PartField, chain
from synthkit.core.context import Context, Outcome
from synthkit.core.flow import Flow, inner_flow
from synthkit.core.interfaces import Filter, Step
from synthkit.core.record import Fields, Record
from synthkit.core.verdict import Verdict, drop
from synthkit.core.waiting import all_of
from synthkit.errors import PipelineError, RecordError, TransientError


def _gained(inner: Record, outer: Record, written: Collection[str], without: Collection[str] = ()) -> dict[str, Any]:
    """The columns that an inner part wrote, also where the value is what it was before."""
    return {
        name: value
        for name, value in inner.items()
        if name not in without and (name in written or name not in outer or outer[name] is not value)
    }


def lost(outcome: Outcome, otherwise: str) -> Verdict:
    """The verdict for a record that an inner part did not let through: fails as it failed, drops as it dropped.

    otherwise: the reason where the part gave none.
    """
    reject = outcome.reject
    if reject is None:
        return drop(otherwise)
    if reject.kind == "failed":
        kind = getattr(errors, reject.error, None)
        if not (isinstance(kind, type) and issubclass(kind, RecordError)):  # an author's own
            kind = TransientError if reject.transient else RecordError
        error = kind(reject.message)
        error.reason = reject.reason
        raise error
    return Verdict(False, reject.reason, reject.message, reject.score)


def _few(outcomes: Sequence[Outcome], least: int, what: str) -> Verdict:
    """The verdict when too few children came through."""
    failed = next((o for o in outcomes if o.failed), None)
    if failed:
        return lost(failed, what)
    passed = sum(bool(o.records) for o in outcomes)
    return drop(what, f"{passed} of at least {least}")


def _speakable(ways: Collection[str]) -> None:
    """Raises for a way whose name would look like a path."""
    for way in ways:
        if not way or "/" in way:
            raise PipelineError(f"{way!r} cannot be the name of a way: it must have a letter or more, and no '/'")


class Fork(Step):
    """Gives one record to several ways at once: three teachers for one prompt.

    ways: the parts, by names of one's own, which are labels in paths. into: the column that receives a list with an
    entry for each way that came through, in the order of the ways: a mapping of `way` and the columns it wrote. Without
    `into` the ways write their columns side by side, and must not write the same. at_least: how many ways must come
    through; all of them by default.

    Example:
        (
            Pipeline("example")
            >> Rows([{"city": "Rome"}])
            >> Fork(
                {
                    "plain": Prompt("demo/default", template="Describe {{ city }} in one sentence."),
                    "long": Prompt("demo/default", template="Describe {{ city }} in two sentences."),
                },
                into="texts",
            )
        )
    """

    ways: dict[str, PartField]
    into: str | None = None
    at_least: int | None = None

    def __init__(self, ways: Mapping[str, Part], **parameters: Any) -> None:
        super().__init__(ways=ways, **parameters)

    def inner(self) -> Mapping[str, Part]:
        return self.ways

    def io(self, have: Have) -> IO:
        _speakable(self.ways)
        flows = {way: inner_flow(chain(part), have, way) for way, part in self.ways.items()}
        if not flows or (self.at_least or 0) > len(flows):
            raise PipelineError(f"{len(flows)} ways cannot give at least {self.at_least or 1}")
        reads = {name: kind for f in flows.values() for name, kind in f.io.reads.items()}
        optional = [name for f in flows.values() for name in f.io.optional]
        if self.into is not None:
            common = set.intersection(*(set(f.io.writes) for f in flows.values()))
            return IO.of(reads, self.into, optional=optional, items={self.into: ["way", *sorted(common)]})
        return self._side_by_side(flows, reads, optional)

    def _side_by_side(self, flows: Mapping[str, Flow], reads: dict[str, type], optional: list[str]) -> IO:
        writer: dict[str, str] = {}
        for way, found in flows.items():
            if found.io.fans_out:
                raise PipelineError(f"the way {way!r} may make several records: give `into` a column for them")
            for name in (*found.io.writes, *found.io.maybe):
                if writer.setdefault(name, way) != way:
                    raise PipelineError(f"the ways {writer[name]!r} and {way!r} both write {name!r}: use `into`")
        sure = [name for f in flows.values() for name in f.io.writes]
        if self.at_least is not None and self.at_least < len(flows):
            return IO.of(reads, maybe=writer, optional=optional)
        return IO.of(reads, sure, maybe=[name for name in writer if name not in sure], optional=optional)

    async def process(self, record: Record, ctx: Context) -> Fields | Verdict:
        outcomes = await all_of(ctx.run(part, record, way) for way, part in self.ways.items())
        least = len(self.ways) if self.at_least is None else self.at_least
        if sum(bool(o.records) for o in outcomes) < least:
            return _few(outcomes, least, "too few ways")
        ways = zip(self.ways, outcomes, strict=True)
        made = [(way, _gained(r, record, o.written)) for way, o in ways for r in o.records]
        if self.into is not None:
            return {self.into: [{"way": way, **fields} for way, fields in made]}
        return {name: value for _, fields in made for name, value in fields.items()}


class Repeat(Step):
    """Runs a part several times on one record, as several samples: a model answers anew each time.

    step: the part. n: how often. into: the column that receives a list with what each sample wrote, a mapping of
    columns. at_least: how many samples must come through; all of them by default.

    Example:
        (
            Pipeline("example")
            >> Rows([{"city": "Rome"}])
            >> Repeat(Prompt("demo/default", template="Describe {{ city }} in one sentence."), n=3, into="texts")
        )
    """

    step: PartField
    n: int
    into: str
    at_least: int | None = None

    def __init__(self, step: Part, n: int, into: str, **parameters: Any) -> None:
        super().__init__(step=step, n=n, into=into, **parameters)

    def inner(self) -> Mapping[str, Part]:
        return {"n": self.step}

    def io(self, have: Have) -> IO:
        if self.n < 1 or (self.at_least or 0) > self.n:
            raise PipelineError(f"n={self.n} cannot give at least {self.at_least or 1}")
        found = inner_flow(chain(self.step), have, "n").io
        return IO.of(found.reads, self.into, optional=found.optional, items={self.into: found.writes})

    async def process(self, record: Record, ctx: Context) -> Fields | Verdict:
        outcomes = await all_of(ctx.run(self.step, record, str(number)) for number in range(self.n))
        least = self.n if self.at_least is None else self.at_least
        if sum(bool(o.records) for o in outcomes) < least:
            return _few(outcomes, least, "too few samples")
        return {self.into: [_gained(r, record, o.written) for o in outcomes for r in o.records]}


class Each(Step):
    """Runs a part on every entry of a list column, and puts what it writes into the entry.

    An entry that is a mapping lends its keys as columns; any other is the column `item`. Entries that are dropped
    inside leave the list.

    column: the column with the list. step: the part. at_least: how many entries must stay, or the record is dropped.
    has: columns that every entry is known to have, where the part that made the list did not declare them.

    Example:
        (
            Pipeline("example")
            >> Rows([{"country": "Italy", "cities": ["Rome", "Bari"]}])
            >> Each("cities", Prompt("demo/default", template="Describe {{ item }} in one sentence."))
        )
    """

    column: str
    step: PartField
    at_least: int = 1
    has: tuple[str, ...] = ()

    def __init__(self, column: str, step: Part, **parameters: Any) -> None:
        super().__init__(column=column, step=step, **parameters)

    def inner(self) -> Mapping[str, Part]:
        return {"each": self.step}

    def io(self, have: Have) -> IO:
        entry = self.has or have.items.get(self.column, ())
        found = inner_flow(chain(self.step), have.plus("item", *entry), f"each {self.column!r}").io
        reads = {name: kind for name, kind in found.reads.items() if name in have and name not in entry}
        return IO.of(
            {**reads, self.column: list},
            self.column,
            optional=found.optional,
            items={self.column: [*entry, *(name for name in found.writes if name not in entry)]},
        )

    async def process(self, record: Record, ctx: Context) -> Fields | Verdict:
        entries = [item if isinstance(item, Mapping) else {"item": item} for item in record[self.column]]
        inner = [record.updated(entry) for entry in entries]
        outcomes = await all_of(ctx.run(self.step, r, str(number)) for number, r in enumerate(inner))
        if sum(bool(o.records) for o in outcomes) < self.at_least:
            return _few(outcomes, self.at_least, "too few entries")
        done = zip(entries, inner, outcomes, strict=True)
        return {self.column: [{**entry, **_gained(r, seen, o.written)} for entry, seen, o in done for r in o.records]}


class Route(Step):
    """Sends a record one way: by a column's value, or by chance with weights.

    ways: the parts, by the values that lead to them, as text (true and false in lower case), or by names of one's own
    where `weights` are given. by: the column that says which way. weights: how likely each way is, beside the others;
    `by` or `weights` must be given, and not both. otherwise: what happens to values that name no way: "drop", "keep"
    (goes on as it is), or a part of its own.

    Example:
        (
            Pipeline("example")
            >> Rows([{"name": "Rome", "kind": "city"}, {"name": "Ada Lovelace", "kind": "person"}])
            >> Route(
                by="kind",
                ways={"city": Prompt("demo/default", template="Describe {{ name }} for travellers.")},
                otherwise=Prompt("demo/default", template="Write a sentence about {{ name }}."),
            )
        )
    """

    ways: dict[str, PartField]
    by: str | None = None
    weights: dict[str, float] | None = None
    otherwise: Literal["drop", "keep"] | PartField = "drop"

    def inner(self) -> Mapping[str, Part]:
        return self.ways if isinstance(self.otherwise, str) else {**self.ways, "otherwise": self.otherwise}

    def io(self, have: Have) -> IO:
        _speakable(self.ways)
        if (self.by is None) == (self.weights is None):
            raise PipelineError("give either `by`, a column, or `weights`")
        for way in self.weights or ():
            if way not in self.ways:
                raise PipelineError(f"weights name {way!r}, which is no way{hint(way, self.ways)}")
        if self.weights is not None and (min(self.weights.values(), default=0) < 0 or not sum(self.weights.values())):
            raise PipelineError("weights must not be negative, and not all zero")
        if "otherwise" in self.ways and not isinstance(self.otherwise, str):
            raise PipelineError("a way cannot be called 'otherwise' beside the part of that name")
        found = [inner_flow(chain(part), have, way).io for way, part in self.inner().items()]
        written = sorted({name for io in found for name in (*io.writes, *io.maybe)})
        kept = self.otherwise == "keep" and self.by is not None
        sure = [name for name in written if not kept and all(name in io.writes for io in found)]
        return IO.of(
            {
                **{name: kind for io in found for name, kind in io.reads.items()},
                **({self.by: object} if self.by else {}),
            },
            sure,
            maybe=[name for name in written if name not in sure],
            optional=[name for io in found for name in io.optional],
            fans_out=any(io.fans_out for io in found),
        )

    async def process(self, record: Record, ctx: Context) -> Fields | Sequence[Fields] | Verdict:
        way = self._way(record, ctx)
        part = self.ways.get(way)
        if part is None:
            if self.otherwise == "keep":
                return {}
            if isinstance(self.otherwise, str):
                return drop("no way", f"{self.by} is {way!r}")
            way, part = "otherwise", self.otherwise
        outcome = await ctx.run(part, record, way)
        if not outcome.records:
            return lost(outcome, "nothing made")
        if len(outcome.records) == 1 and outcome.records[0].id == record.id:
            return _gained(outcome.records[0], record, outcome.written)
        return [_gained(r, record, outcome.written) for r in outcome.records]

    def _way(self, record: Record, ctx: Context) -> str:
        if self.by is not None:
            value = record[self.by]
            return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
        ways = sorted(self.weights or {})
        return ctx.rng("way").choices(ways, [(self.weights or {})[way] for way in ways])[0]


class Loop(Step):
    """Repeats a step until a gate lets its result pass; what the gate said is the column `feedback` of the next try.

    `feedback` is empty in the first round and gone afterwards.

    step: the part that tries. until: the gate, a filter, or a judge with one behind it. max_rounds: how many tries
    there are. otherwise: what happens when none passes: "drop" with the last reason, or "best", which keeps the try
    with the highest score (the last one of equals).

    Example:
        (
            Pipeline("example")
            >> Rows([{"instruction": "Describe a rainy day."}])
            >> Loop(
                Prompt("demo/default", template="{{ instruction }}\\n{{ feedback }}", into="output"),
                until=Rubric("demo/default").at_least(4),
                otherwise="best",
            )
        )
    """

    step: PartField
    until: PartField
    max_rounds: int = 3
    otherwise: Literal["drop", "best"] = "drop"

    def __init__(self, step: Part, until: Part, **parameters: Any) -> None:
        super().__init__(step=step, until=until, **parameters)

    def inner(self) -> Mapping[str, Part]:
        return {"round": (*chain(self.step), *chain(self.until))}

    def io(self, have: Have) -> IO:
        if self.max_rounds < 1:
            raise PipelineError(f"max_rounds={self.max_rounds} makes no round")
        gate = chain(self.until)
        if not any(isinstance(part, Filter) for part in gate):
            raise PipelineError("`until` needs a filter that says when it is good enough, as judge.at_least(4) does")
        found = inner_flow((*chain(self.step), *gate), have.plus("feedback"), "round").io
        if found.fans_out:
            raise PipelineError("a part inside may make several records: a loop works on one")
        step = inner_flow(chain(self.step), have.plus("feedback"), "round").io
        whole = self.otherwise == "drop" or not any(isinstance(part, Filter) for part in gate[:-1])
        sure = [name for name in (found.writes if whole else step.writes) if name != "feedback"]
        return IO.of(
            {name: kind for name, kind in found.reads.items() if name != "feedback"},
            sure,
            maybe=[name for name in (*found.writes, *found.maybe) if name not in sure],
            optional=found.optional,
        )

    async def process(self, record: Record, ctx: Context) -> Fields | Verdict:
        feedback, best, last = "", None, Verdict(False)
        for number in range(self.max_rounds):
            made = await ctx.run(self.step, record.updated({"feedback": feedback}), str(number))
            if not made.records:
                return lost(made, "nothing made")
            judged = await ctx.run(self.until, made.records[0], str(number))
            if judged.records:
                return _gained(judged.records[0], record, {*made.written, *judged.written}, ["feedback"])
            last = lost(judged, "nothing made")
            feedback = last.detail or last.reason
            score = float("-inf") if last.score is None else last.score
            if judged.reject is not None and (best is None or score >= best[0]):
                best = (score, _gained(judged.reject.record, record, made.written, ["feedback"]))
        if self.otherwise == "best" and best is not None:
            return best[1]
        return last
