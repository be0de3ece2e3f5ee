"""What a run on Ray costs beside the same run in one process, on this machine, in turns.

    python benchmarks/cluster.py [times]

Prints medians. Wall of runs whose step is heavy on the CPU, and of runs that ask a model (from within the process: it
answers after 1 s, one call in a hundred after 5 s), with and without the start of Ray; seconds from the start of the
process to the first record that is committed; and CPU a record of the driver, the keeper and the lanes, of a run of one
stage that asks, of one stage and of two that do next to nothing, and of two with a step over many records between them.
Only the ratios mean anything from machine to machine.
"""

import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import psutil

PIPELINE = '''
import asyncio, json
from zlib import crc32
from synthkit import Pipeline, Placement, Prompt, step
from synthkit.filters import MinHashDedup
from synthkit.generators import LoadRecords
from synthkit.providers.openai import OpenAI

USAGE = {"prompt_tokens": 60, "completion_tokens": 40, "total_tokens": 100}

async def answered(self, request, sample):
    """A body is made as for a real call, and goes nowhere."""
    self.body(request)
    await asyncio.sleep(1 if crc32(str(request.messages).encode()) % 100 else 5)
    message = {"role": "assistant", "content": "water light carbon model river theory " * 8}
    choices = [{"index": 0, "finish_reason": "stop", "message": message}]
    return json.dumps({"id": sample, "object": "chat.completion", "model": "m", "choices": choices, "usage": USAGE})

OpenAI.call = answered

@step(reads="text", writes="sum", cpu=True)
def heavy(record):
    """Some 5 ms of Python."""
    total = 0
    for number in range(60_000):
        total = (total * 31 + number) % 1_000_003
    return {"sum": total}

class asks(Prompt):
    """One call."""
    template = "{{ text }}"
    into = "response"
    model = "m"

@step(reads="text", writes="answer")
def light(record):
    """Next to nothing."""
    return {"answer": record["text"][:40]}

def pipeline(kind: str, n: int) -> Pipeline:
    """Records through one step, or through two stages."""
    made = Pipeline(kind) >> LoadRecords(path="in.jsonl", limit=n)
    if kind == "asks":
        return made >> asks()
    if kind == "stages":
        return made >> light >> light(label="more", placement=Placement(cpus=0.5))
    if kind == "dataset":
        return made >> light >> MinHashDedup("text") >> light(label="more")
    return made >> globals()[kind]
'''
RECORDS = {"heavy": 6_000, "asks": 20_000, "light": 60_000, "stages": 60_000, "dataset": 60_000}
FEW = 256
WORDS = [  # as many as hexadecimal digits
    "water",
    "light",
    "carbon",
    "model",
    "river",
    "theory",
    "engine",
    "village",
    "market",
    "signal",
    "stone",
    "winter",
    "garden",
    "motor",
    "paper",
    "cloud",
]


def text(number: int) -> str:
    """Some 450 characters, other words for each number."""
    return " ".join(WORDS[int(digit, 16)] + digit for digit in hashlib.sha256(str(number).encode()).hexdigest())


class Ran(NamedTuple):
    """wall: seconds of the whole run. first: to the first part. cpu: seconds, by who used them."""

    wall: float
    first: float
    cpu: Counter[str]


def used(root: psutil.Process, cpu: Counter[str]) -> None:
    """Notes what the driver, the keeper and the lanes have used until now."""
    for process in [root, *root.children(recursive=True)]:
        try:
            title = " ".join(process.cmdline()[:1])
            who = {"ray::Keeper": "keeper", "ray::Worker": "lane"}.get(title.split(".")[0], "other")
            times = process.cpu_times()
        except psutil.Error:
            continue
        name = "driver" if process.pid == root.pid else f"{who} {process.pid}" if who == "lane" else who
        if who != "other" or name == "driver":
            cpu[name] = max(cpu[name], times.user + times.system)


def run(place: Path, kind: str, records: int, name: str, *options: str) -> Ran:
    """Runs a pipeline in a process of its own."""
    command = [str(Path(sys.executable).with_name("synthkit")), "run", "p.py", "--kind", kind, "--n", str(records)]
    began, first, cpu = time.monotonic(), 0.0, Counter[str]()
    process = subprocess.Popen(
        [*command, "--quiet", "--run-dir", name, "--concurrency", "512", *options], cwd=place, stdout=subprocess.DEVNULL
    )
    root = psutil.Process(process.pid)
    while process.poll() is None:
        if not first and any((place / name / "parts").rglob("*.zst")):
            first = time.monotonic() - began
        try:
            used(root, cpu)
        except psutil.Error:
            continue
        time.sleep(0.02 if not first else 0.2)  # to look costs some CPU, too
    assert process.returncode == 0, f"{kind} {options} ended with {process.returncode}"
    whole: Counter[str] = Counter()
    for who, seconds in cpu.items():
        whole[who.partition(" ")[0]] += seconds
    return Ran(time.monotonic() - began, first, whole)


def main(times: int = 3) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "p.py").write_text(PIPELINE)
        lines = (json.dumps({"text": text(number)}) for number in range(60_000))
        (place / "in.jsonl").write_text("\n".join(lines))
        (place / "synthkit.toml").write_text('[models.m]\nuse = "openai/m"\nbase_url = "http://127.0.0.1:9/v1"\n')
        found: dict[tuple[str, str], list[Ran]] = {}
        for turn in range(times):
            for kind, records in [*RECORDS.items(), ("few", FEW)]:
                for way, options in (("local", ()), ("ray", ("--ray",))):
                    subprocess.run(["rm", "-rf", str(place / ".synthkit")], check=True)
                    name = f"{kind}-{way}-{turn}"
                    ran = run(place, "light" if kind == "few" else kind, records, name, *options)
                    found.setdefault((kind, way), []).append(ran)
                    print(f"{name}: {ran.wall:.2f} s, first {ran.first:.2f} s", file=sys.stderr)
        show(found)


def show(found: dict[tuple[str, str], list[Ran]]) -> None:
    """Prints what was found."""

    def middle(kind: str, way: str) -> float:
        return statistics.median(ran.wall for ran in found[kind, way])

    def cpu(kind: str, way: str, who: str) -> float:
        return statistics.median(ran.cpu[who] for ran in found[kind, way])

    start = middle("few", "ray") - middle("few", "local")
    for kind in RECORDS:
        local, ray = middle(kind, "local"), middle(kind, "ray")
        print(
            f"{kind:8} local {local:6.2f} s, ray {ray:6.2f} s: {local / ray:.2f} times as fast, "
            f"{local / (ray - start):.2f} without the start of Ray"
        )
    print(
        f"to the first records: {statistics.median(r.first for r in found['few', 'ray']):.1f} s with a Ray of its own"
    )
    for kind in ("asks", "light", "stages", "dataset"):
        each = {
            who: (cpu(kind, "ray", who) - cpu("few", "ray", who)) / (RECORDS[kind] - FEW) * 1e6
            for who in ("driver", "keeper", "lane")
        }
        near = (cpu(kind, "local", "driver") - cpu("few", "local", "driver")) / (RECORDS[kind] - FEW) * 1e6
        told = ", ".join(f"{who} {micro:.0f} µs" for who, micro in each.items())
        print(f"CPU a record, {kind:8} {told}; in one process {near:.0f} µs")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
