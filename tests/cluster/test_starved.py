"""A step that takes more memory than there is: Ray ends its lane, and the run goes on."""

import json

import pytest
from memory_kit import FAR, PIPELINE, short
from run_kit import Place, place

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(170)]
__all__ = ["place"]


def test_a_lane_that_runs_out_of_memory_costs_what_was_in_flight(place: Place) -> None:
    (place.folder / "p.py").write_text(PIPELINE)
    flag = place.folder / "flag"
    with short(flag) as nodes:
        said = place.run("run", "p.py", "--ray", nodes.address, "--quiet", "--run-dir", "far")
    assert "complete: 599 accepted" in said and "1 failed" in said
    assert flag.exists()
    lost = place.events("far", "lane lost")
    assert lost and all("memory ran short on its node (" in event["reason"] for event in lost), lost
    (rejected,) = map(json.loads, (place.folder / "far" / "rejected.jsonl").read_text().splitlines())
    assert (rejected["fields"]["topic"], rejected["reason"]) == (FAR, "MemoryError"), "Python's own is a failed record"
    assert place.server.count <= 600 + 64 * len(lost)
    assert place.replayed("far", FLAG=str(flag))
