"""The interfaces that authors implement: one method each."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from synthkit.core.columns import IO, Have
from synthkit.core.component import Component
from synthkit.core.context import Context, Opening
from synthkit.core.placement import Placement
from synthkit.core.record import Fields, Record
from synthkit.core.verdict import Verdict

if TYPE_CHECKING:
    from random import Random

    import polars as pl


class Round:
    """What a generator may know: which round this is, what is wanted, and what earlier rounds led to.

    index: 0 for the first. want: how many records to make. start: how many were made before this round.
    goal: the target of accepted records, None for all there are. All of it is committed, so a resumed round
    is the same round.
    """

    index: int
    want: int
    start: int
    goal: int | None

    def accepted(self, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """The records accepted in earlier rounds, in order, with these columns."""
        raise NotImplementedError

    def tap(self, label: str, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """What the step of this label kept in earlier rounds; the generator names it in `taps`."""
        raise NotImplementedError

    def rng(self, *key: str | int) -> "Random":
        """A random generator that depends on the run's seed, the generator and the key alone: put a number of your own
        into the key, such as that of the record."""
        raise NotImplementedError


class Generator(Component):
    """Makes records. Pure in (parameters, seed, round): it asks no model and looks at no clock."""

    endless: ClassVar[bool] = False
    """True: makes as many as are wanted, so a pipeline with it needs a target."""

    def taps(self) -> Sequence[str]:
        """The labels whose output it reads through `Round.tap`, relative to its own technique."""
        return ()

    @abstractmethod
    def generate(self, round: Round) -> Iterator[Fields]:
        """Yields up to `round.want` records, those from number `round.start` on. Fewer mean that it has ended."""


class Step(Component):
    """Turns a record into columns or records."""

    cpu: ClassVar[bool] = False
    """True: heavy on the CPU, so it runs in a thread; it may then await nothing."""

    placement: Placement | None = None
    """What it asks for on a cluster; parts inside a composite run where that does."""

    async def open(self, ctx: Opening) -> None:
        """Runs once in each lane, before its first record: loads what is large, through `ctx.resource`. With
        `cpu=True` it runs in a thread, too. What it raises ends the run."""

    @abstractmethod
    async def process(self, record: Record, ctx: Context) -> Fields | Sequence[Fields] | Verdict:
        """One mapping adds columns to the record; a sequence, even of one, makes child records; an empty one drops
        the record («nothing made»), as does a verdict that does not keep, with its reason. What it raises fails
        the record."""


class Filter(Component):
    """Keeps or drops a record, with a reason."""

    cpu: ClassVar[bool] = False

    placement: Placement | None = None
    """What it asks for on a cluster; parts inside a composite run where that does."""

    async def open(self, ctx: Opening) -> None:
        """Runs once in each lane, before its first record, as that of a step does."""

    @abstractmethod
    async def check(self, record: Record, ctx: Context) -> Verdict:
        """Says whether the record goes on. What it raises fails the record, which is not the same as dropping it."""


class Judge(Step):
    """A step that scores: it writes `score` (higher is better) and `rationale`, prefixed where asked for."""

    prefix: str = ""
    """Put before the names of the columns written, so that two judges can stand in one pipeline."""

    def io(self, have: Have) -> IO:
        return IO.of(writes=self.written())

    def written(self) -> tuple[str, str]:
        """The names of the columns of score and rationale."""
        return f"{self.prefix}score", f"{self.prefix}rationale"

    def at_least(self, least: float) -> "Gate":
        """This judge with a filter behind it that drops what scores less."""
        return Gate(label=self.name, judge=self, least=least)


class AtLeast(Filter):
    """Drops records whose score is too low; `Rubric(…).at_least(4)` puts it behind a judge.

    column: the score. least: what still passes. rationale: the column whose text is the detail, which a `Loop` feeds
    back.

    Example:
        Pipeline("example") >> Rows([{"text": "good", "score": 5}, {"text": "bad", "score": 1}]) >> AtLeast(least=4)
    """

    column: str = "score"
    least: float
    rationale: str | None = None

    def io(self, have: Have) -> IO:
        reads: dict[str, type] = {self.column: float}
        return IO.of(reads={**reads, **({self.rationale: str} if self.rationale else {})})

    async def check(self, record: Record, ctx: Context) -> Verdict:
        score = record[self.column]
        detail = record[self.rationale] if self.rationale else ""
        return Verdict(score >= self.least, "" if score >= self.least else "score too low", detail, score)


class Gate(Component):
    """A judge and the least score that passes: `Rubric(model=…).at_least(4)`."""

    judge: Judge
    least: float

    def expand(self) -> Sequence[Component]:
        score, rationale = self.judge.written()
        return (
            self.judge.model_copy(update={"label": self.name}),
            AtLeast(
                label="at-least", column=score, least=self.least, rationale=rationale, placement=self.judge.placement
            ),
        )


class View:
    """What a dataset step resolves over: the sketches of new records, and of those it kept in earlier rounds.

    goal: how many records are wanted at the end of the rounds, None for all there are.
    """

    new: "pl.DataFrame"
    kept: "pl.DataFrame"
    goal: int | None = None

    def rows(self, ids: Sequence[str], columns: Sequence[str]) -> Iterator[Record]:
        """Whole columns of some records, read back from disk in the order of `ids`."""
        raise NotImplementedError

    def rng(self, *key: str | int) -> "Random":
        """A random generator that depends on the run's seed, this step and the key alone."""
        raise NotImplementedError


class DatasetStep(Component):
    """Sees many records at once: near-duplicates, balance, top-k, diversity, split, groups.

    when="round": runs in every round and must be prefix-stable, a record's fate depending on earlier records only.
    when="end": runs once, when upstream has made what it `wants`; nothing is topped up after it.
    """

    when: ClassVar[Literal["round", "end"]] = "round"

    def wants(self, goal: int) -> int:
        """For an end step: how many candidates it needs for `goal` records to come out."""
        return goal

    def lets_through(self) -> int | None:
        """The most records that can leave it, in all rounds together; None where there is no bound. A target above it
        is refused before the run."""
        return None

    def sketch(self, frame: "pl.DataFrame") -> "pl.DataFrame":
        """What is needed of one part, in parallel: small columns, among them `_id`, a row a record, in order.

        The frame has `_id` and the columns read, typed as `io` declares them; undeclared ones are JSON text.
        """
        return frame

    @abstractmethod
    def resolve(self, view: View) -> "pl.DataFrame":
        """Decides over `view.new`. Returns a row a record: `_id`, `keep`, and where useful `reason`, `detail` and
        `score`. Further columns, declared as written, become columns of the records. Records that are kept under
        the same `group` (text, null for none) become one record, see `merge`. An end step may give an `order`, a
        number: records leave with the smallest first, equal ones as they came, those of null behind all others."""

    def merge(self, members: Sequence[Record]) -> Fields:
        """The columns of the one record that a group becomes, in the place of its last member. It is a child of the
        first member; columns that it shall not inherit from there are declared as dropped."""
        raise NotImplementedError(f"{self.name} makes groups and does not say how they merge")


class Format(Component):
    """Records ⇄ training examples of one shape."""

    def io(self, have: Have) -> IO:
        """The columns read, given those there are; raises `PipelineError` when it can be fed from none of them."""
        return IO()

    @abstractmethod
    def encode(self, record: Mapping[str, Any]) -> dict[str, Any] | list[dict[str, Any]]:
        """The training example, or a list of several. Raises `RecordError` for a record that cannot be one (an empty
        answer, say)."""

    @abstractmethod
    def decode(self, example: Mapping[str, Any]) -> dict[str, Any]:
        """The columns of one training example: `encode` of them gives it back. Raises `RecordError`."""
