"""The plan: what a pipeline compiles to. Everything that can be checked without a call is checked here."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from synthkit.core.columns import IO, Have, hint
from synthkit.core.component import Component, Names, Spec, chain, spec
from synthkit.core.flow import flow
from synthkit.core.interfaces import DatasetStep, Generator
from synthkit.core.placement import Placement, placement_of
from synthkit.errors import PipelineError, SynthkitError


@dataclass(frozen=True)
class Bound:
    """A component at its place: `label` is unique in the plan, and the path of a step that stands alone. items: what
    is known there of the entries of list columns."""

    component: Any
    label: str
    io: IO
    items: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage:
    """A stretch of the plan that is committed as one: record steps in a row, or one dataset step."""

    index: int
    parts: Sequence[Bound]

    @property
    def dataset(self) -> Bound | None:
        """The dataset step, if it is one."""
        return self.parts[0] if self.parts and isinstance(self.parts[0].component, DatasetStep) else None

    @property
    def heavy(self) -> bool:
        """Whether a step of it is heavy on the CPU."""
        return self.dataset is None and any(part.component.cpu for part in self.parts)

    @property
    def asks(self) -> bool:
        """Whether a step of it asks models."""
        return any(inner.models() for part in self.parts for _, inner in walk(part.label, part.component))

    @property
    def placement(self) -> Placement:
        """What all of its parts ask for."""
        return placement_of(self.parts[0].component) if self.parts else Placement()


@dataclass(frozen=True)
class Shape:
    """What reading a run needs of its plan: the labels by stage, where the end phase begins, and the target."""

    generator: str
    stages: Sequence[Sequence[str]]
    end: int
    target: int | None

    @property
    def body(self) -> range:
        """The stages that run in every round."""
        return range(self.end)

    @property
    def tail(self) -> range:
        """The stages that run once, at the end."""
        return range(self.end, len(self.stages))

    @property
    def labels(self) -> Sequence[str]:
        """The labels of all steps, in order."""
        return [label for stage in self.stages for label in stage]

    def form(self) -> dict[str, Any]:
        """As JSON."""
        stages = [list(stage) for stage in self.stages]
        return {"generator": self.generator, "stages": stages, "end": self.end, "target": self.target}


@dataclass(frozen=True)
class Plan:
    """generator → segment → dataset step → segment → … → accepted."""

    name: str
    target: int | None
    generator: Bound
    stages: Sequence[Stage]
    columns: Have
    specs: Sequence[Spec]

    @property
    def body(self) -> Sequence[Stage]:
        """The stages that run in every round: those before the first end step."""
        return [s for s in self.stages if s.index < self._end]

    @property
    def tail(self) -> Sequence[Stage]:
        """The stages that run once, when the body has made what the first end step wants."""
        return [s for s in self.stages if s.index >= self._end]

    @property
    def _end(self) -> int:
        ends = (s.index for s in self.stages if s.dataset and s.dataset.component.when == "end")
        return next(ends, len(self.stages))

    @property
    def goal(self) -> int | None:
        """How many records the body must make for the target."""
        goal = self.target
        if goal is not None:
            for stage in reversed(self.tail):
                if stage.dataset and stage.dataset.component.when == "end":
                    goal = stage.dataset.component.wants(goal)
        return goal

    @property
    def fans_out(self) -> bool:
        """Whether a generated record may become several."""
        return any(part.io.fans_out for stage in self.body for part in stage.parts)

    @property
    def shape(self) -> Shape:
        """What reading the run needs."""
        stages = [[part.label for part in stage.parts] for stage in self.stages]
        return Shape(self.generator.label, stages, self._end, self.target)

    def components(self) -> Iterator[tuple[str, Component]]:
        """Every component with its path, those inside composites too."""
        for bound in (self.generator, *(part for stage in self.stages for part in stage.parts)):
            yield from walk(bound.label, bound.component)


def walk(path: str, component: Component) -> Iterator[tuple[str, Component]]:
    """A component and those inside it, each with its path."""
    yield path, component
    for key, part in component.inner().items():
        for inner in chain(part):
            yield from walk(f"{path}/{key}/{inner.name}", inner)


def compile_plan(
    name: str,
    target: int | None,
    parts: Sequence[Component],
    names: Names,
    last: Sequence[Component] = (),
    *,
    max_rounds: int | None = None,
    given: IO | None = None,
) -> Plan:
    """Compiles and checks. Raises `PipelineError` with every problem found.

    last: what stands behind the pipeline's own parts, and is not recorded as one of them. given: the columns of the
    generator where they are known, so that it need not look into files that may not be here.
    """
    if not parts:
        raise PipelineError(f"pipeline {name!r} is empty: start it with a generator, as in `>> LoadRecords(path)`")
    first, *rest = chain(tuple(parts))
    if not isinstance(first, Generator):
        raise PipelineError(
            f"pipeline {name!r} starts with {first.name}, a {type(first).__name__}: it must start with a generator"
        )
    problems = _goal_problems(name, target, first, max_rounds)
    try:
        io = first.io(Have()) if given is None else given
    except PipelineError as error:
        raise PipelineError(*(f"{first.name}: {problem}" for problem in error.problems)) from error
    found = flow([*rest, *last], Have().after(io))
    problems += found.problems
    bounds = list(_bound([*rest, *last], found.each, Have().after(io)))
    if any(b.label == first.name for b in bounds):
        problems.append(f"two parts are called {first.name!r}: give one of them a label, as in label='…'")
    taps = [_tap(first.name, label) for label in first.taps()]
    labels = [b.label for b in bounds]
    problems += [f"{first.name} taps {tap!r}, which is no step{hint(tap, labels)}" for tap in taps if tap not in labels]
    problems += [*_too_few(target, bounds), *_misplaced(bounds)]
    specs = []
    for part in parts:
        try:
            specs.append(spec(part, names))
        except SynthkitError as error:
            problems.append(str(error))
    if problems:
        raise PipelineError(*dict.fromkeys(problems))
    return Plan(name, target, Bound(first, first.name, io), _stages(bounds, set(taps)), found.after, specs)


def _bound(parts: Sequence[Component], each: Sequence[IO], have: Have) -> Iterator[Bound]:
    for part, io in zip(parts, each, strict=True):
        yield Bound(part, part.name, io, have.items)
        have = have.after(io)


def _goal_problems(name: str, target: int | None, first: Generator, max_rounds: int | None) -> list[str]:
    if target is not None and target < 1:
        return [f"a target of {target} records makes no sense: give 1 or more"]
    if target is None and first.endless and max_rounds is None:
        return [f"{first.name} never ends: give a target, as in Pipeline({name!r}, target=500) or --target 500"]
    return []


def _too_few(target: int | None, bounds: Sequence[Bound]) -> Iterator[str]:
    """A sentence for each step that lets fewer records through than are wanted."""
    fans_out = False
    for bound in reversed(bounds):
        fans_out = fans_out or bound.io.fans_out
        most = bound.component.lets_through() if isinstance(bound.component, DatasetStep) else None
        if target is not None and most is not None and most < target and not fans_out:
            said = f"{bound.label} lets at most {most} records through, and the target is {target}"
            yield f"{said}: let more through, or want fewer"


def _misplaced(bounds: Sequence[Bound]) -> Iterator[str]:
    """A sentence for each part that cannot run where it asks to."""
    for bound in bounds:
        around = placement_of(bound.component)
        for path, component in walk(bound.label, bound.component):
            asked = getattr(component, "placement", None)
            if not isinstance(asked, Placement | None):
                cls = type(component).__name__
                yield f"{path}: the placement of {cls} is a {type(asked).__name__}: give that parameter another name"
            elif path != bound.label and not placement_of(component).alike(None) and not around.alike(asked):
                said = f"{path} asks for {asked}, and what is inside {bound.label} runs where that does"
                yield f"{said}: give the placement to {bound.label}"


def _tap(generator: str, label: str) -> str:
    """A tapped label is relative to the technique that the generator belongs to."""
    technique, _, _ = generator.rpartition("/")
    return f"{technique}/{label}" if technique else label


def _stages(bounds: Sequence[Bound], taps: set[str]) -> Sequence[Stage]:
    """Record steps in a row that ask for the same placement make a segment; a dataset step stands alone; a tapped step
    ends its segment.

    The first stage is a segment, an empty one where need be: it is what commits the generated records.
    """
    groups: list[list[Bound]] = [[]]
    fresh = False
    for bound in bounds:
        alone = isinstance(bound.component, DatasetStep)
        before = groups[-1][-1].component if groups[-1] else bound.component
        if alone or fresh or not placement_of(before).alike(placement_of(bound.component)):
            groups.append([])
        groups[-1].append(bound)
        fresh = alone or bound.label in taps
    return [Stage(index, group) for index, group in enumerate(groups)]
