"""The runner: rounds until the target, each stage in turn, then the end phase. All it decides is in the run folder."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from synthkit.core.record import Record
from synthkit.engine import dataset, ledger, parts
from synthkit.engine.context import Lane
from synthkit.engine.executor import Executor, LocalExecutor, Upstream, Work, in_flight
from synthkit.engine.monitor import Monitor
from synthkit.engine.plan import Bound, Plan, Stage
from synthkit.engine.rounds import ALL, Committed, Identity, barren, generated, next_want
from synthkit.engine.segment import Admission, Limit, no_limit
from synthkit.engine.settings import Settings
from synthkit.engine.store import Store
from synthkit.errors import Outage, OutOfBudget, SynthkitError
from synthkit.models.limiter import Stopped

if TYPE_CHECKING:
    import polars as pl

Status = Literal["running", "complete", "partial", "failed"]


class Runner:
    """Runs a plan in a store with one lane. `run` returns the status; the reason is in run.json."""

    def __init__(
        self, plan: Plan, store: Store, lane: Lane, settings: Settings, monitor: Monitor, *, retry: bool = False,
        executor: Executor | None = None,
    ) -> None:  # fmt: skip
        self.plan, self.store, self.lane, self.settings, self.monitor = plan, store, lane, settings, monitor
        self.retry = retry
        self.limit: Limit = settings.limit()
        self.executor = executor or LocalExecutor(
            lane, settings, monitor, in_flight(plan, lane.models.services, settings)
        )  # fmt: skip
        self._kept: dict[int, pl.DataFrame] = {}
        self.error: SynthkitError | None = None

    async def run(self) -> tuple[Status, str]:
        """Runs to an end. Status and a sentence that says why it is so."""
        try:
            await self._rounds()
            if self._stopping:
                return self._stopped()
            if self.plan.tail and not await self._phase(None, self.plan.tail):
                return self._stopped()
            return self._ended()
        except Stopped:
            return self._stopped()
        except SynthkitError as error:
            return self._failed(error)

    @property
    def _stopping(self) -> bool:
        return self.lane.models.stopping.is_set()

    def _failed(self, error: SynthkitError) -> tuple[Status, str]:
        self.error = error
        return ("partial" if isinstance(error, OutOfBudget | Outage) else "failed"), str(error)

    def _stopped(self) -> tuple[Status, str]:
        fatal = self.lane.models.fatal
        if fatal is not None:
            return self._failed(fatal)
        if self.monitor.stopping:
            return "failed", self.monitor.stopping
        by = f" by {self.monitor.stopped_by}" if self.monitor.stopped_by else ""
        return "partial", f"stopped{by} before it was done"

    async def _rounds(self) -> None:
        store, plan = self.store, self.plan
        while not self._stopping:
            rounds = store.rounds
            current = rounds[-1] if rounds else None
            if current is None or "accepted" in current:
                if self._retry():
                    continue
                if self._enough():
                    return
                fresh = [r for r in rounds if not r.get("retry")]
                start = sum(r["made"] for r in fresh)
                if plan.tail:
                    store.put_end_aside()
                rounds.append({"index": len(rounds), "want": next_want(plan, rounds), "start": start})
                store.save()
                current = rounds[-1]
            self.monitor.round = current["index"]
            known = current["want"] < ALL and not current.get("retry")
            self.monitor.coming = current["start"] + current["want"] if known else None
            if not await self._phase(current, plan.body):
                return
            last = plan.body[-1]
            place = store.stage(current["index"], last.index)
            current["accepted"] = parts.let_out(place, [part.label for part in last.parts])
            self.monitor.accepted = self._accepted
            store.save()

    def _retry(self) -> bool:
        """Plans the round that tries failed records again, once, where they can still matter."""
        if not self.retry:
            return False
        self.retry = False
        goal = self.plan.target
        if goal is not None and ledger.accepted_count(self.store, self.plan.shape) >= goal:
            return False
        found = ledger.plan_retry(self.store, self.plan.shape)
        self.store.event("retry failed", records=found)
        if self.plan.tail:
            self.store.put_end_aside()
        return found > 0

    @property
    def _accepted(self) -> int:
        return sum(r.get("accepted", 0) for r in self.store.rounds)

    def _enough(self) -> bool:
        """Whether no further round is to be planned."""
        rounds, goal = self.store.rounds, self.plan.goal
        fresh = [r for r in rounds if not r.get("retry")]
        if not fresh:
            return False
        limit = self.settings.max_rounds
        return (
            (goal is not None and self._accepted >= goal)
            or fresh[-1]["ended"]
            or (limit is not None and len(fresh) >= limit)
            or barren(fresh)
        )

    def _ended(self) -> tuple[Status, str]:
        rounds, target = self.store.rounds, self.plan.target
        accepted = ledger.accepted_count(self.store, self.plan.shape)
        fresh = [r for r in rounds if not r.get("retry")]
        if target is None:
            if not fresh[-1]["ended"]:
                return "partial", f"{accepted:,} accepted in {len(rounds)} rounds, as many as --max-rounds allows"
            failed = sum(count.failed for count in ledger.tally(self.store, self.plan.shape).values())
            lost = f", {failed:,} failed" if failed else ""
            return "complete", f"{accepted:,} accepted, all that there were{lost}"
        if accepted >= target:
            return "complete", f"{target:,} of {target:,} accepted"
        if self.plan.tail and self._accepted >= (self.plan.goal or 0):
            why = "too few came out of the steps at the end, which are not topped up"
        elif fresh[-1]["ended"]:
            why = f"{self.plan.generator.label} has no more records"
        elif barren(fresh):
            why = "the last three rounds led to nothing"
        else:
            why = f"--max-rounds {self.settings.max_rounds} is reached"
        return "partial", f"{accepted:,} of {target:,} accepted: {why}"

    async def _phase(self, round: dict[str, Any] | None, stages: Sequence[Stage]) -> bool:
        """Runs stages one after the other over a round, or over all of the body in the end phase."""
        for stage in stages:
            self.monitor.stage = stage.index
            if stage.dataset is not None:
                if self._stopping or not await self._dataset(round, stage):
                    return False
                continue
            limit = no_limit if round and round.get("retry") else self.limit
            fresh = round is not None and stage.index == 0 and not round.get("retry")
            count = await self.executor.run(self._work(round, stage, limit))
            if count is None:
                return False
            if fresh and round and "made" not in round:
                round["made"] = count
                round["ended"] = count < round["want"]
                self.store.save()
            problem = limit(self.monitor, last=True)
            if problem:
                self.monitor.stopping = problem
                self.lane.models.stopping.set()
                return False
        return True

    def _generated(self, round: Mapping[str, Any]) -> Iterator[Admission]:
        before = (r["index"] for r in self.store.rounds if r["index"] < round["index"] and not r.get("retry"))
        seen = (id for index in before for h in parts.headers(self.store.stage(index, 0)) for _, id in h.entries)
        identity = Identity(self.plan.generator.label, seen)
        made = generated(self.plan, Committed(self.store, self.plan, round, self.settings.seed), identity)
        return (Admission(index, record) for index, record in enumerate(made))

    def _entering(self, round: Mapping[str, Any] | None, stage: Stage) -> Iterator[Admission]:
        """The records that enter a stage: those tried again first, then what the stage before let out."""
        again = ledger.retried(self.store, round, stage.index) if round else iter(())
        index = 0
        for record, step, salt in again:
            yield Admission(index, record, step, salt)
            index += 1
        for upstream in self._upstream(round, stage):
            for entry in parts.entries(upstream.place):
                for record in entry.outs:
                    yield Admission(index, record)
                    index += 1

    def _work(self, round: Mapping[str, Any] | None, stage: Stage, limit: Limit) -> Work:
        """A stage of a round, or of the end phase."""
        place = self.store.stage(round["index"] if round else None, stage.index)
        retry = round is not None and round.get("retry")
        if round is not None and stage.index == 0 and not retry:
            return Work(stage, place, partial(self._generated, round), limit)
        upstream = () if retry else self._upstream(round, stage)
        return Work(stage, place, partial(self._entering, round, stage), limit, upstream)

    def _upstream(self, round: Mapping[str, Any] | None, stage: Stage) -> Sequence[Upstream]:
        """Where the records are that the stage before let out: of all rounds, where that is the end of the body."""
        if stage.index == 0:
            return ()
        labels = self.plan.shape.stages[stage.index - 1]
        rounds: list[int | None] = [round["index"] if round else None]
        if round is None and stage.index == self.plan.tail[0].index:
            rounds = [form["index"] for form in self.store.rounds]
        return [Upstream(self.store.stage(index, stage.index - 1), labels) for index in rounds]

    async def _dataset(self, round: Mapping[str, Any] | None, stage: Stage) -> bool:
        """Runs a dataset step: sketches of all its records, one decision, then the records again. False when the run is
        stopping."""
        work = self._work(round, stage, no_limit)
        bound, goal = work.dataset, self.plan.goal
        with dataset.blamed(bound, self.lane):
            shards = await self.executor.sketches(work)
            if shards is None:
                return False
            kept = await asyncio.to_thread(self._kept_before, round, stage, bound)
            resolved = await asyncio.to_thread(
                dataset.resolve, bound, work.records, shards, kept, seed=self.settings.seed, goal=goal
            )
            if not await self.executor.write(work, resolved):
                return False
        self._kept[stage.index] = resolved.kept
        return True

    def _kept_before(self, round: Mapping[str, Any] | None, stage: Stage, bound: Bound) -> "pl.DataFrame | None":
        """The sketches of what a dataset step kept in earlier rounds; None in the first."""
        if stage.index in self._kept or round is None or round["index"] == 0:
            return self._kept.get(stage.index)
        stayed = self._stayed(stage, round["index"])
        return dataset.joined(bound, dataset.sketches(bound, stayed, self.settings.shard))

    def _stayed(self, stage: Stage, before: int) -> Iterator[Record]:
        """The records that a dataset step kept in the rounds before one, as they were when it saw them."""
        for form in self.store.rounds[:before]:
            place = self.store.stage(form["index"], stage.index)
            stay = {entry.id for entry in parts.entries(place) if not entry.rejects}
            for admission in self._entering(form, stage):
                if admission.record.id in stay:
                    yield admission.record
