"""Runs on Ray, whatever happens to their processes: complete, with the same bytes, and nothing asked twice."""

import json
import os
import signal
from pathlib import Path

import pytest
from ray_kit import leaks
from run_kit import SECRET, Place, finished, lanes, place, quarters, until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(170)]
__all__ = ["place"]
IN_FLIGHT = 64


def test_the_same_bytes_as_without_and_no_key_in_any_file(place: Place) -> None:
    process = place.begin("run", "p.py", "--ray", "--run-dir", "far")
    until(lambda: place.server.count > 200)
    session = quarters(process.pid)
    assert leaks([SECRET.encode()], session, place.folder) == []
    said = finished(process)
    assert "complete: 600 accepted" in said and "raylet" not in said and "ray" not in said.replace("array", "")
    assert place.server.count == 1200
    assert leaks([SECRET.encode()], place.folder) == []
    assert not session.exists()
    assert place.replayed("far")
    bill = place.state("far")["bill"]["lines"]
    assert sum(line["calls"] for line in bill) == 1200


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_lane_that_is_killed_or_hangs_costs_what_was_in_flight(place: Place, number: int) -> None:
    process = place.begin("run", "p.py", "--ray", "--quiet", "--run-dir", "far")
    until(lambda: place.server.count > 150)
    os.kill(lanes(process.pid)[0].pid, number)
    said = finished(process)
    assert "complete: 600 accepted" in said and "raylet" not in said
    assert len(place.events("far", "lane lost")) == 1
    assert 1200 <= place.server.count <= 1200 + IN_FLIGHT
    assert place.replayed("far")
    state = place.state("far")
    answers = sum(line["calls"] - line["unused"] - line["free"] for line in state["bill"]["lines"])
    assert answers == 1200, "the bill knows what the lane had asked"


def test_a_lane_that_hangs_while_it_has_nothing_to_do_is_given_up(place: Place) -> None:
    """The file has one shard, so that the other lane waits for the end of the stage."""
    lines = (place.folder / "in.jsonl").read_text().splitlines()[:100]
    (place.folder / "in.jsonl").write_text("\n".join(lines))
    place.configure("concurrency = 4\n")
    process = place.begin("run", "p.py", "--ray", "--quiet", "--run-dir", "far")
    until(lambda: place.server.count > 20 and len(lanes(process.pid)) == 2)
    idle = min(lanes(process.pid), key=lambda lane: sum(lane.cpu_times()[:2]))
    idle.send_signal(signal.SIGSTOP)
    assert "complete: 100 accepted" in finished(process)
    assert len(place.events("far", "lane lost")) == 1
    assert place.server.count <= 200 + 4


def test_the_driver_is_killed_and_the_run_goes_on(place: Place) -> None:
    process = place.begin("run", "p.py", "--ray", "--quiet", "--run-dir", "far")
    until(lambda: place.server.count > 300)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    said = place.run("resume", "far", "--ray", "--quiet")
    assert "complete: 600 accepted" in said
    assert place.server.count <= 1200 + IN_FLIGHT
    assert place.replayed("far")


def test_a_record_that_ends_its_process_fails_alone(place: Place) -> None:
    said = place.run("run", "p.py", "--ray", "--quiet", "--run-dir", "far", DEADLY="topic 7,topic 300")
    assert "complete: 598 accepted" in said and "killed its lane" in said
    rejected = [json.loads(line) for line in (place.folder / "far" / "rejected.jsonl").read_text().splitlines()]
    assert [(r["kind"], r["fields"]["topic"]) for r in rejected] == [("failed", "topic 7"), ("failed", "topic 300")]
    assert {r["message"] for r in rejected} == {
        "somewhere from ask to deadly, the process that worked on it ended 3 times; nobody knows more"
    }
    lost = len(place.events("far", "lane lost"))
    assert place.server.count <= 1200 + lost * IN_FLIGHT, "what was answered is not asked again"


def test_a_run_changes_between_ray_and_this_process(place: Place) -> None:
    process = place.begin("run", "p.py", "--quiet", "--run-dir", "mixed")
    until(lambda: place.server.count > 200)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    process = place.begin("resume", "mixed", "--ray", "--quiet")
    until(lambda: place.server.count > 700)
    os.kill(process.pid, signal.SIGINT)
    finished(process, code=3)
    assert "complete: 600 accepted" in place.run("resume", "mixed", "--quiet")
    assert place.server.count <= 1200 + IN_FLIGHT
    assert place.replayed("mixed")


def test_a_budget_holds_across_lanes(place: Place) -> None:
    place.configure("max_tokens = 300\n[prices.m]\ninput = 1\noutput = 20\n")
    said = place.run("run", "p.py", "--ray", "--quiet", "--run-dir", "far", "--budget", "0.8", code=3)
    assert "partial: " in said and "budget of $0.80" in said
    assert place.state("far")["status"] == "partial"
    spent = json.loads((place.folder / "far" / "budget.jsonl").read_text().splitlines()[-1])
    assert 0.6 < float(spent["spent"]) <= 0.8


def test_what_is_loaded_is_loaded_once_a_lane_and_where_it_belongs(place: Place) -> None:
    text = (place.folder / "p.py").read_text()
    log = place.folder / "loads"
    head, _ = text.split("def pipeline(")
    (place.folder / "p.py").write_text(
        f"{head}def pipeline() -> Pipeline:\n"
        "    return Pipeline('p') >> LoadRecords(path='in.jsonl') >> "
        f"Loads(log={str(log)!r}, placement=Placement(cpus=0.5, replicas=2)) "
        f">> Loads(label='b', into='b', log={str(log)!r})\n"
    )
    assert "complete: 600 accepted" in place.run("run", "p.py", "--ray", "--quiet", "--run-dir", "far")
    processes = log.read_text().splitlines()
    assert 2 <= len(processes) == len(set(processes)) <= 4, "a placement has lanes of its own, two at most"
    rows = [json.loads(line) for line in (place.folder / "far" / "accepted.jsonl").read_text().splitlines()]
    assert {(row["loaded"], row["b"]) for row in rows} == {("loaded", "loaded")}


def test_what_no_node_has_is_said(place: Place) -> None:
    text = (place.folder / "p.py").read_text()
    head, _ = text.split("def pipeline(")
    (place.folder / "p.py").write_text(
        f"{head}def pipeline() -> Pipeline:\n"
        "    lone = Loads(placement=Placement(resources={'licence': 1}))\n"
        "    return Pipeline('p') >> LoadRecords(path='in.jsonl') >> lone\n"
    )
    said = place.run("run", "p.py", "--ray", "--quiet", "--run-dir", "far", code=2)
    assert place.server.count == 0, "it is said before anything is paid"
    assert "this machine does not have 1 licence, which loads asks for: join a cluster that does, by --ray" in said


def test_a_step_that_interrupts_fails_its_record(place: Place) -> None:
    text = (place.folder / "p.py").read_text()
    (place.folder / "p.py").write_text(text.replace("os.kill(os.getpid(), signal.SIGKILL)", "raise KeyboardInterrupt"))
    said = place.run("run", "p.py", "--ray", "--quiet", "--run-dir", "far", DEADLY="topic 7,topic 300")
    assert "complete: 598 accepted" in said
    rejected = [json.loads(line) for line in (place.folder / "far" / "rejected.jsonl").read_text().splitlines()]
    assert [(r["fields"]["topic"], r["reason"]) for r in rejected] == [
        ("topic 7", "KeyboardInterrupt"), ("topic 300", "KeyboardInterrupt"),
    ]  # fmt: skip
    assert not place.events("far", "lane lost")


def test_a_file_that_ends_each_lane_ends_the_run(place: Place) -> None:
    said = place.run("run", "p.py", "--ray", "--quiet", "--run-dir", "far", code=1, NO_LANES="1")
    assert "no lane can be started: ActorDiedError" in said and "Traceback" not in said


def test_what_cannot_run_on_ray_is_said_at_once(place: Place) -> None:
    assert "ray job submit" in place.run("run", "p.py", "--ray", "ray://127.0.0.1:10001", code=2)
    assert "Traceback" not in place.run("run", "p.py", "--ray", "127.0.0.1:1", code=2)
    assert not Path(place.folder / "runs").exists()
