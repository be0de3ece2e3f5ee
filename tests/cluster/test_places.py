"""Steps that ask for what only some nodes have: their lanes are there, and as many as there is room for."""

import pytest
from cluster_kit import clustered
from run_kit import Place, place

from synthkit import Placement
from synthkit.engine.cluster.fleet import wish

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(170)]
__all__ = ["place"]
PIPELINE = """
import asyncio, os
from pathlib import Path
from synthkit import Pipeline, Placement, Step
from synthkit.core import IO
from synthkit.generators import LoadRecords

HERE = Path(os.environ["HERE"])

class Placed(Step):
    '''Says in a file where it was begun; patient: waits for what the run tells.'''
    patient: bool = False
    def io(self, have):
        return IO.of((), (self.label,))
    async def open(self, ctx):
        if "RAY_RAYLET_PID" in os.environ:
            with (HERE / "log").open("a") as file:
                file.write(f"{self.label} {os.environ['RAY_RAYLET_PID']} {os.environ.get('CUDA_VISIBLE_DEVICES')}\\n")
    async def process(self, record, ctx):
        while self.patient and "lane waits" not in (HERE / "far" / "events.jsonl").read_text():
            await asyncio.sleep(0.5)
        return {self.label: 1}

def pipeline():
    left = Placed(label="left", placement=Placement(resources={"left": 1}))
    cards = Placed(label="cards", patient=True, placement=Placement(cpus=0.1, gpus=0.5, replicas=3))
    return Pipeline("p") >> LoadRecords(path="in.jsonl") >> left >> cards
"""


def test_each_stage_is_where_it_wants_to_be_and_a_lane_without_room_waits(place: Place) -> None:
    (place.folder / "p.py").write_text(PIPELINE)
    with clustered(1, HERE=str(place.folder)) as nodes:
        left = nodes.add(1, resources={"left": 1})
        cards = nodes.add(1, num_gpus=1)
        options = ("--ray", nodes.address, "--quiet", "--run-dir", "far")
        assert "complete: 600 accepted" in place.run("run", "p.py", *options, HERE=str(place.folder))
    begun = (place.folder / "log").read_text().splitlines()
    assert sorted(begun) == [f"cards {cards} 0", f"cards {cards} 0", f"left {left} None"]
    (waits,) = place.events("far", "lane waits")
    assert (waits["steps"], waits["needs"]) == ("cards", "0.1 CPU, 0.5 GPU")
    assert place.replayed("far", HERE=str(place.folder))


def test_what_is_asked_for_is_said_in_words() -> None:
    assert wish(Placement(memory="1.5GB", gpus=2, resources={"licence": 1})) == (
        "1 CPU, 2 GPU, 1.5 GB of memory, 1 licence"
    )
