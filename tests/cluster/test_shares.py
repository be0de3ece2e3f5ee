"""Shares of the run's limits: how they are cut, and that they move to the lanes that need them."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from cluster_kit import clustered
from hypothesis import given
from hypothesis import strategies as some
from run_kit import Place, finished, lanes, placed, until

from synthkit import Pipeline, Prompt
from synthkit.engine import api
from synthkit.engine.cluster import shares as module
from synthkit.engine.cluster.duty import Pulse
from synthkit.engine.cluster.fleet import Lost, Remote
from synthkit.engine.cluster.shares import Shares, Slot, cut, due, fair, most
from synthkit.engine.settings import Settings
from synthkit.generators import Rows
from synthkit.models.bill import Bill
from synthkit.models.limiter import Limiter
from synthkit.models.project import find_project
from synthkit.models.service import Services
from synthkit.models.share import NOTHING
from synthkit.plugins import registry

WANTS = some.lists(some.one_of(some.just(0), some.integers(1, 20_000)), min_size=1, max_size=40)
LEAST = some.integers(1, 600)
ONE = '''
from synthkit import Pipeline, Prompt
from synthkit.generators import LoadRecords

class Ask(Prompt):
    """Asks."""
    template = "Write about {{ topic }}"
    into = "text"

def pipeline() -> Pipeline:
    return Pipeline("p") >> LoadRecords(path="in.jsonl") >> Ask(model="m")
'''


@given(WANTS, LEAST, some.integers(1, 64))
def test_all_is_shared_out_and_who_wants_gets_the_least(wants: list[int], least: int, most: int) -> None:
    units = least * most
    given = fair(wants, units, least)
    assert sum(given) == units and min(given) >= 0
    hungry = [number for number, want in enumerate(wants) if want]
    assert sum(given[number] >= least for number in hungry) >= min(len(hungry), most)
    shares = cut(given, units)
    assert sum(share.of(most) for share in shares) == most
    assert all(shares[number].of(most) >= 1 for number in hungry[:most])


@given(WANTS, LEAST, some.integers(1, 64))
def test_who_wants_less_gets_it_and_the_others_equally_much(wants: list[int], least: int, most: int) -> None:
    units = least * most
    given = fair(wants, units, least)
    hungry = [number for number, want in enumerate(wants) if want][:most]
    short = [number for number in hungry if given[number] < wants[number]]
    if short:
        assert max(given[number] for number in short) - min(given[number] for number in short) <= 1
        assert all(given[number] <= max(given[other] for other in short) for number in hungry)
        assert all(given[number] == 0 for number in range(len(wants)) if number not in hungry)


@given(WANTS, LEAST, some.integers(1, 64))
def test_what_is_fair_stays(wants: list[int], least: int, most: int) -> None:
    units = least * most
    given = fair(wants, units, least)
    assert not due(given, wants, fair(wants, units, least), least)


def test_nothing_changes_unless_somebody_waits_and_gets_clearly_more() -> None:
    units, least = 4096, 128
    assert not due([1024] * 4, [100, 100, 100, 100], fair([100] * 4, units, least), least), "nobody waits"
    wants = [5000, 5000, 5000, 1000]
    assert not due([1024] * 4, wants, fair(wants, units, least), least), "a few more are not worth it"
    wants = [5000, 0, 0, 0]
    assert fair(wants, units, least) == [4096, 0, 0, 0]
    assert due([1024] * 4, wants, fair(wants, units, least), least)
    wants = [5000, 5000, 0, 0]
    assert due([4096, 0, 0, 0], wants, fair(wants, units, least), least), "one that has nothing"
    assert fair([5000, 200, 100, 0], units, least) == [4096 - 200 - 128, 200, 128, 0]


def test_more_lanes_than_calls() -> None:
    assert fair([9, 9, 9], 2, 1) == [1, 1, 0]
    assert not due([1, 1, 0], [9, 9, 9], [1, 1, 0], 1)


class Ask(Prompt):
    """Asks."""

    template = "Write about {{ topic }}"
    into: str = "text"


class Near(Remote):
    """A lane in this process: the limiters of models that allow so many calls at once."""

    def __init__(self, name: str, wholes: Sequence[int]) -> None:
        super().__init__(name, None)
        self.limiters = [Limiter(whole, shares=[NOTHING]) for whole in wholes]
        self.alive = asyncio.Event()
        self.alive.set()
        self.lost = False

    def need(self, wants: float) -> None:
        self.load, self.told = int(wants > 0), Pulse({}, 0, 0, 0, Bill(), wants=wants)

    async def call(self, method: str, *given: Any, group: str | None = None) -> Any:
        _, shares, anew = given
        await self.alive.wait()
        if self.lost:
            raise Lost("gone")
        for limiter in self.limiters:
            limiter.divide(*shares, anew=anew)
        await asyncio.sleep(0)
        for limiter in self.limiters:
            await limiter.settled()

    def has(self) -> int:
        """Calls at once, of the model that allows the fewest."""
        return self.limiters[0].concurrency


@pytest.mark.parametrize("seed", range(20))
def test_lanes_come_and_go_and_never_have_more_than_there_is(seed: int) -> None:
    random, wholes = Random(seed), (12, 32, 100)

    async def main() -> None:
        shares, lanes = Shares(12), dict[Slot, Remote]()
        near = dict[Slot, Near]()
        slots = [("", number) for number in range(random.randint(1, 8))]
        shares.expect(slots)
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        moving = asyncio.create_task(asyncio.sleep(0))
        changes = 0
        for _ in range(400):
            slot, what = random.choice(slots), random.random()
            if slot not in near:
                near[slot] = lanes[slot] = Near(str(slot), wholes)
            elif what < 0.05:
                near.pop(slot).lost = True
                if random.random() < 0.5:
                    await asyncio.sleep(0)  # it is lost, and nobody knows
                del lanes[slot]
            elif what < 0.1 and len(slots) < 12:
                slots.append(("more", len(slots)))
                shares.expect_more(slots)
            elif what < 0.12:
                shares.expect(random.sample(slots, random.randint(1, len(slots))))
            else:
                near[slot].need(random.choice([0, 0, 0.01, 0.2, 1, 8]))
            if moving.done():
                await moving
                before = [lane.has() for lane in near.values()]
                moving = asyncio.create_task(shares.move(lanes, over))
                changes += before != [lane.has() for lane in near.values()]
            for _ in range(random.choice([0, 0, 1, 3, 20])):
                for number, whole in enumerate(wholes):
                    assert sum(lane.limiters[number].concurrency for lane in near.values()) <= whole
                    assert sum(lane.limiters[number].width for lane in near.values()) <= 1 + 1e-9
                await asyncio.sleep(0)
        await moving
        for slot in slots:
            if slot not in near:
                near[slot] = lanes[slot] = Near(str(slot), wholes)
            near[slot].need(0)
        for slot in slots:
            near[slot].need(9)
            for _ in range(3):
                await shares.move(lanes, over)
            assert near[slot].has() == 12
            near[slot].need(0)
        for slot in slots:
            near[slot].need(9)
        await shares.move(lanes, over)
        assert min(lane.has() for lane in near.values()) == 12 // len(slots)

    asyncio.run(main())


def test_a_lane_that_hangs_while_shares_move_holds_up_nobody_when_it_is_buried() -> None:
    async def main() -> None:
        shares, over = Shares(12), asyncio.get_running_loop().create_future()
        one, other = Near("one", [12]), Near("other", [12])
        lanes: dict[Slot, Remote] = {("", 0): one, ("", 1): other}
        shares.expect([*lanes])
        await shares.move(lanes, over)
        assert (one.has(), other.has()) == (6, 6)
        one.need(9)
        other.need(0.1)
        other.alive.clear()
        moving = asyncio.create_task(shares.move(lanes, over))
        await asyncio.sleep(0.01)
        assert not moving.done() and one.has() == 6
        del lanes["", 1]
        await asyncio.wait_for(moving, 10)
        await shares.move(lanes, over)
        assert one.has() == 12
        lanes["", 1] = third = Near("third", [12])
        third.need(9)
        await shares.move(lanes, over)
        await shares.move(lanes, over)
        assert (one.has(), third.has()) == (6, 6)
        over.set_result(None)
        third.alive.clear()
        third.need(0)
        await asyncio.wait_for(shares.move(lanes, over), 10)

    asyncio.run(main())


def test_an_idle_lane_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.02)
    monkeypatch.setattr(module, "BEAT", 0.01)

    async def main() -> None:
        shares, over = Shares(12), asyncio.get_running_loop().create_future()
        one, idle = Near("one", [12]), Near("idle", [12])
        lanes: dict[Slot, Remote] = {("", 0): one, ("other", 0): idle}
        shares.expect([*lanes])
        await shares.move(lanes, over)
        idle.alive.clear()
        one.need(9)
        await shares.move(lanes, over)
        assert one.has() == 12, "it does nothing, so that it needs nothing"
        idle.alive.set()
        idle.need(9)
        await shares.move(lanes, over)
        await shares.move(lanes, over)
        assert (one.has(), idle.has()) == (6, 6)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("limits", "lanes"),
    [("", 64), ("concurrency = 5", 5), ("requests_per_minute = 120", 10), ("requests_per_minute = 6", 1),
     ("tokens_per_minute = 60000\nrequests_per_minute = 600", 5), ("tokens_per_minute = 100000000", 64)],
)  # fmt: skip
def test_lanes_have_room_for_a_request(tmp_path: Path, limits: str, lanes: int) -> None:
    (tmp_path / "synthkit.toml").write_text(
        f'[models.m]\nuse = "demo/default"\n{limits}\n[models.other]\nuse = "demo/slow"'
    )
    project = find_project(tmp_path)
    pipeline = Pipeline("p") >> Rows([{"topic": "a"}]) >> Ask(model="m") >> Ask(model="other", into="more", label="b")
    plan = api.checked(pipeline, Settings(), None, project, None)
    assert most(plan, Services(project, registry().provider, 64)) == lanes


@pytest.fixture
def one_shard(tmp_path: Path) -> Iterator[Place]:
    with placed(tmp_path, 256, latency=(0.4, 0.4)) as place:
        (tmp_path / "p.py").write_text(ONE)
        yield place


@pytest.mark.cluster
@pytest.mark.timeout(170)
def test_one_lane_alone_has_all_calls_at_once_and_never_more(one_shard: Place) -> None:
    process = one_shard.begin("run", "p.py", "--ray", "--quiet", "--run-dir", "far", "--concurrency", "32")
    until(lambda: one_shard.server.count > 0)
    assert len(lanes(process.pid)) >= 1
    assert "complete: 256 accepted" in finished(process)
    assert one_shard.server.count == 256
    assert one_shard.server.most_in_flight == 32


@pytest.mark.cluster
@pytest.mark.timeout(170)
def test_a_node_that_joins_gets_work(tmp_path: Path) -> None:
    with placed(tmp_path, 800, latency=(0.4, 0.4)) as place, clustered(1) as nodes:
        (tmp_path / "p.py").write_text(ONE)
        process = place.begin(
            "run", "p.py", "--ray", nodes.address, "--quiet", "--run-dir", "far", "--concurrency", "16"
        )
        until(lambda: place.server.count > 50)
        assert len(nodes.actors("Worker")) == 1
        nodes.add()
        until(lambda: len(nodes.actors("Worker")) == 2)
        joined, used = nodes.actors("Worker")[-1], list[int]()

        def works() -> bool:
            used.append(
                sum(1 for end in joined.net_connections("tcp") if end.raddr and end.raddr.port == place.server.port)
            )
            return used[-1] >= 4

        until(works, 30)
        said = finished(process)
        assert "complete: 800 accepted" in said
        assert place.server.count == 800 and place.server.most_in_flight <= 16
        assert not place.events("far", "lane lost")
