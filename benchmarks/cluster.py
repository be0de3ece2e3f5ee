"""What a run on Ray costs beside the same run in one process, on this machine, in turns.

    python benchmarks/cluster.py [times]

Prints medians: wall of a run whose step is heavy on the CPU and of one that waits, as a call does; seconds from the
start of the process to the first record that is committed; and the driver's CPU a record. Only the ratios mean
anything from machine to machine.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PIPELINE = '''
import asyncio
from synthkit import Pipeline, step
from synthkit.generators import LoadRecords

@step(reads="text", writes="sum", cpu=True)
def heavy(record):
    """Some 5 ms of Python."""
    total = 0
    for number in range(60_000):
        total = (total * 31 + number) % 1_000_003
    return {"sum": total}

@step(reads="text", writes="answer")
async def waiting(record):
    """Takes as long as a quick call."""
    await asyncio.sleep(0.2)
    return {"answer": record["text"][:40]}

@step(reads="text", writes="answer")
def light(record):
    """Next to nothing."""
    return {"answer": record["text"][:40]}

def pipeline(step: str, n: int) -> Pipeline:
    """Records through one step."""
    return Pipeline(step) >> LoadRecords(path="in.jsonl", limit=n) >> globals()[step]
'''
RECORDS = {"heavy": 6_000, "waiting": 20_000, "light": 60_000}


def run(place: Path, step: str, records: int, name: str, *options: str) -> tuple[float, float, float]:
    """Wall of the whole run, seconds to the first committed part, and CPU of the process that was started."""
    command = [str(Path(sys.executable).with_name("synthkit")), "run", "p.py", "--step", step, "--n", str(records)]
    began, first = time.monotonic(), 0.0
    process = subprocess.Popen(
        [*command, "--quiet", "--run-dir", name, "--concurrency", "512", *options], cwd=place, stdout=subprocess.DEVNULL
    )
    ended, used = 0, None
    while not ended:
        time.sleep(0.01)
        if not first and any((place / name / "parts").rglob("*.zst")):
            first = time.monotonic() - began
        ended, status, used = os.wait4(process.pid, os.WNOHANG)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{step} {options} ended with {process.returncode}"
    assert used is not None
    return time.monotonic() - began, first, used.ru_utime + used.ru_stime


def main(times: int = 3) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "p.py").write_text(PIPELINE)
        lines = (json.dumps({"text": f"{number} " + "water light carbon " * 25}) for number in range(60_000))
        (place / "in.jsonl").write_text("\n".join(lines))
        found: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
        for turn in range(times):
            for step, records in [*RECORDS.items(), ("few", 256)]:
                for way, options in (("local", ()), ("ray", ("--ray",))):
                    name = f"{step}-{way}-{turn}"
                    found.setdefault((step, way), []).append(
                        run(place, "light" if step == "few" else step, records, name, *options)
                    )
        middle = {key: [statistics.median(column) for column in zip(*rows, strict=True)] for key, rows in found.items()}
        for step in RECORDS:
            local, ray = middle[step, "local"][0], middle[step, "ray"][0]
            start = middle["few", "ray"][0] - middle["few", "local"][0]
            print(
                f"{step:8} local {local:6.2f} s, ray {ray:6.2f} s: {local / ray:.2f} times as fast, "
                f"{local / (ray - start):.2f} without the start of Ray"
            )
        print(f"to the first records: {middle['few', 'ray'][1]:.1f} s with a Ray of its own")
        more = RECORDS["light"] - 256
        print(
            f"the driver: {(middle['light', 'ray'][2] - middle['few', 'ray'][2]) / more * 1e6:.0f} µs of CPU a record"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
