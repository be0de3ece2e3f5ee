"""Exports: accepted records as training examples in files."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from synthkit.core.columns import IO, Have
from synthkit.core.context import Context
from synthkit.core.interfaces import Filter, Format
from synthkit.core.record import Record
from synthkit.core.verdict import KEEP, Verdict, drop
from synthkit.engine.examples import Sink, encoded, sink
from synthkit.engine.halves import Halves, halves, words
from synthkit.engine.target import Target, target_of, twice
from synthkit.errors import ConfigError, PipelineError, RecordError, RunError, UsageError
from synthkit.plugins import registry

PARTS = ("train", "validation")


class Exportable(Filter):
    """Drops records that an export's format refuses, so that a target counts records that can be written."""

    format: Format

    def io(self, have: Have) -> IO:
        read = self.format.io(have)
        return IO.of(dict.fromkeys(read.reads, object), optional=read.optional)

    async def check(self, record: Record, ctx: Context) -> Verdict:
        try:
            encoded(self.format, record)
        except RecordError as error:
            return drop(error.reason, str(error))
        return KEEP


def exportable(targets: Iterable[Target]) -> list[Exportable]:
    """The filters for a run's exports, one for each format and its parameters."""
    unlike: list[Format] = []
    for target in targets:
        if target.format not in unlike:
            unlike.append(target.format)
    names = [format.name for format in unlike]
    labels = [f"{name}-{names[:n].count(name) + 1}" if name in names[:n] else name for n, name in enumerate(names)]
    return [Exportable(label=f"export-{label}", format=f) for label, f in zip(labels, unlike, strict=True)]


def share_of(split: float | None) -> float | None:
    """The share of training examples. Raises `ConfigError` for what is none."""
    if split is not None and (type(split) not in (int, float) or not 0 < split < 1):
        raise ConfigError(f"split is {split}: give the share of training examples, over 0 and under 1, as in 0.9")
    return split


@dataclass
class LeftOut:
    """Records that a format refuses for one reason, and what it said of the first of them."""

    count: int
    first: str


@dataclass
class Report:
    """What came of one target: how many records were written, and which were left out, by reason."""

    target: Target
    sinks: Sequence[Sink]
    records: int = 0
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    note: str = ""

    def refused(self, error: RecordError) -> None:
        """Counts a record that is left out."""
        seen = self.left_out.setdefault(error.reason, LeftOut(0, str(error)))
        seen.count += 1

    def forms(self) -> Iterator[dict[str, Any]]:
        """As JSON: a mapping for each file. What was left out, and what is to be said, is with the first of them."""
        for number, file in enumerate(self.sinks):
            last = number == len(self.sinks) - 1
            left = [{"reason": reason, "records": seen.count, "first": seen.first} for reason, seen in self._sorted()]
            yield {
                "path": str(file.path),
                "format": self.target.form,
                "part": PARTS[number] if len(self.sinks) > 1 else "",
                "written": file.count,
                "left_out": left if number == 0 else [],
                "notes": [*file.notes, *([self.note] if self.note and last else []), *self._empty(number)],
            }

    def _empty(self, number: int) -> Iterator[str]:
        """What is to be said of one of two files without an example."""
        if len(self.sinks) > 1 and not self.sinks[number].count:
            way = f": give it more records, or a {('larger', 'smaller')[number]} split" if self.records else ""
            yield f"{self.sinks[number].path.name} is empty, since no example is left for {PARTS[number]}{way}"

    def _sorted(self) -> list[tuple[str, LeftOut]]:
        return sorted(self.left_out.items(), key=lambda item: (-item[1].count, item[0]))


def write(
    targets: Sequence[Target],
    records: Callable[[], Iterable[Record]],
    *,
    split: float | None = None,
    seed: int = 0,
    some: bool = False,
) -> list[dict[str, Any]]:
    """Writes the files of all targets, whole or not at all, and reports on each file.

    records: the records, each time it is called. split: the share of them that is for training; the others are for
    validation, and no record of one side has its source, or a near-duplicate, on the other. seed: of the run. some:
    a target without examples is a `RunError`, and nothing is written.
    """
    if not targets:
        return []
    parted = halves(_texts(targets, records()), split, seed) if split is not None else None
    with ExitStack() as stack:
        reports = []
        for target in targets:
            files = [stack.enter_context(sink(path)) for path in target.files(split is not None)]
            reports.append(Report(target, files, note=_note(parted, split)))
        for number, record in enumerate(records()):
            validation = parted is not None and parted.training[number] is False
            for report in reports:
                _add(report, record, validation)
        if some:
            _all_some(reports)
        files = [file for report in reports for file in report.sinks]
        for file in files:
            file.close()
        for file in files:
            file.publish()
        return [form for report in reports for form in report.forms()]


def _add(report: Report, record: Record, validation: bool) -> None:
    try:
        examples = encoded(report.target.format, record)
    except RecordError as error:
        report.refused(error)
        return
    report.records += 1
    for example in examples:
        report.sinks[1 if validation else 0].add(example)


def _all_some(reports: Iterable[Report]) -> None:
    """Raises `RunError` for a target without examples."""
    for report in reports:
        if not report.records:
            left = list(report.left_out.values())
            refused = (
                f"no record of {sum(one.count for one in left):,} can be an example: {left[0].first}" if left else ""
            )
            why = refused or "no record was accepted"
            raise RunError(f"{report.target.text}: nothing is written, since {why}")


def _texts(targets: Sequence[Target], records: Iterable[Record]) -> Iterator[tuple[str, str | None]]:
    """The source of each record, and the words of its examples in all formats: a record is on one side in all files."""
    formats = [target.format for target in targets]
    for record in records:
        said: dict[str, None] = {}
        for format in formats:
            try:
                examples = encoded(format, record)
            except RecordError:
                continue
            for example in examples:
                said.update(dict.fromkeys(words(format, example)))
        yield record.source, "\n".join(said) if said else None


def _note(parted: Halves | None, split: float | None) -> str:
    """What is to be said of a split whose groups did not allow the share."""
    if parted is None or split is None:
        return ""
    sides = [side for side in parted.training if side is not None]
    if not sides:
        return ""
    share = sum(sides) / len(sides)
    least = 1 / len(sides)
    if abs(share - split) <= max(least, 0.01) and 0 < share < 1:
        return ""
    return (
        f"{share:.0%} of the records are for training, not {split:.0%}: near-duplicates, and records of one source, "
        f"stay together, and the largest of {parted.groups:,} such groups has {parted.largest:,} of {len(sides):,}"
    )


def write_accepted(
    texts: Sequence[str], records: Callable[[], Iterable[Record]], *, split: float | None = None, seed: int = 0
) -> list[dict[str, Any]]:
    """Exports records that are there: as `write`, of targets as they are written. Raises `ConfigError` for targets that
    cannot be, and for formats that the columns there cannot feed; `RunError` where there is no example."""
    divided = share_of(split) is not None
    have = columns_of(records())
    problems: list[str] = []
    targets: list[Target] = []
    for text in texts:
        try:
            targets.append(target_of(text, registry(), split=divided, option=""))
            if have.sure or have.maybe:
                targets[-1].format.io(have)
        except PipelineError as error:
            problems += [f"{text}: {problem}" for problem in error.problems]
        except UsageError as error:
            problems.append(str(error))
    problems += twice(targets, divided, option="")
    if problems:
        raise PipelineError(*dict.fromkeys(problems))
    return write(targets, records, split=split, seed=seed, some=True)


def fed(records: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """For each format, what the columns of these records lack to feed it; "" for one that they feed."""
    have = columns_of(records)
    found = []
    for name in registry().names("format"):
        try:
            registry().format(name)(label=name).io(have)
            found.append((name, ""))
        except UsageError as error:
            found.append((name, " ".join(str(error).split())))
    return found


def columns_of(records: Iterable[Mapping[str, Any]]) -> Have:
    """The columns that all of the records have, and those that some have."""
    counts: dict[str, int] = {}
    total = 0
    for record in records:
        total += 1
        for name in record:
            counts[name] = counts.get(name, 0) + 1
    sure = frozenset(name for name, count in counts.items() if count == total)
    return Have(sure, frozenset(counts) - sure)
