"""Runs whose steps take more memory than there is. Ray ends their lanes."""

import json

import pytest
from memory_kit import ALWAYS, FAR, PIPELINE, short
from run_kit import Place, place

pytestmark = [pytest.mark.cluster, pytest.mark.long, pytest.mark.timeout(400)]
__all__ = ["place"]


def test_a_record_that_always_takes_all_memory_is_rejected_alone(place: Place) -> None:
    (place.folder / "p.py").write_text(PIPELINE)
    with short(place.folder / "flag", ALWAYS=ALWAYS) as nodes:
        said = place.run("run", "p.py", "--ray", nodes.address, "--quiet", "--run-dir", "far")
    assert "complete: 598 accepted" in said and "killed its lane" in said
    rejected = [json.loads(line) for line in (place.folder / "far" / "rejected.jsonl").read_text().splitlines()]
    assert {row["fields"]["topic"]: row["reason"] for row in rejected} == {
        FAR: "MemoryError",
        ALWAYS: "killed its lane",
    }
    assert rejected[1]["message"].endswith("ended 3 times; the last time since memory ran short on its node")
    lost = place.events("far", "lane lost")
    assert all("memory ran short on its node (" in event["reason"] for event in lost), lost
    assert place.server.count <= 600 + 64 * len(lost)
    place.run("run", "p.py", "--offline", "--quiet", "--run-dir", "replay", FLAG=str(place.folder / "flag"))
    accepted = (place.folder / "replay" / "accepted.jsonl").read_text().splitlines()
    expected = [line for line in accepted if json.loads(line)["topic"] != ALWAYS]
    assert (place.folder / "far" / "accepted.jsonl").read_text().splitlines() == expected
