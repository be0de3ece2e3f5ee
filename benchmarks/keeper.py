"""How much one keeper takes: the process that writes the journal and the parts of a run on Ray.

    python benchmarks/keeper.py [lanes] [seconds]

Lanes that do nothing else append answers of about 1.5 KB, a thousand at once each, and commit parts of 256 records;
prints answers and records a second, and the keeper's CPU and memory for each. On a machine of few cores the lanes take
most of them, so the CPU says more than the rate.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import psutil
import ray

from synthkit.core.record import Record
from synthkit.engine import parts
from synthkit.engine.cluster.address import Where
from synthkit.engine.cluster.far_journal import FarJournal, known
from synthkit.engine.cluster.keeper import Keeper
from synthkit.engine.cluster.kept import kept
from synthkit.engine.cluster.start import joined
from synthkit.engine.tally import Count
from synthkit.models.journal.entry import Entry

AT_ONCE = 1000
BODY = json.dumps({"choices": [{"message": {"role": "assistant", "content": "water light carbon model " * 60}}]})


class Pusher:
    """A lane that only writes."""

    async def answers(self, keeper: object, seconds: float) -> int:
        """Appends answers for a while; returns how many."""
        journal = FarJournal(partial(kept, keeper, "append"), partial(kept, keeper, "find"), known([]))
        end, count = time.monotonic() + seconds, 0

        async def one() -> None:
            nonlocal count
            while time.monotonic() < end:
                await journal.append(Entry(os.urandom(16), "answer", {"body": BODY, "model": "m"}))
                count += 1

        await asyncio.gather(*(one() for _ in range(AT_ONCE)))
        return count

    async def records(self, keeper: object, seconds: float, place: str) -> int:
        """Commits parts for a while; returns how many records."""
        end, shard = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            found = [Record.generated("g", {"text": BODY[:500], "n": (shard, n)}, 0) for n in range(256)]
            made = parts.Part(shard, [parts.Entry(n, r.id, [r], []) for n, r in enumerate(found, shard * 256)])
            made.tally = {"s": Count(seen=256, out=256)}
            await kept(keeper, "commit", place, place, shard, parts.packed(made, place))
            shard += 1
        return shard * 256


def main(lanes: int = 2, seconds: float = 8) -> None:
    with tempfile.TemporaryDirectory() as folder, joined(Where(), cpus=lanes + 1):
        make = ray.remote(num_cpus=0, max_concurrency=1000)
        keeper = make(Keeper).remote(folder, f"{folder}/journal", offline=False, leases=None)
        pushers = [ray.remote(num_cpus=1, max_concurrency=1000)(Pusher).remote() for _ in range(lanes)]
        ray.get([pusher.answers.remote(keeper, 0.5) for pusher in pushers])
        ours = next(p for p in psutil.Process().children(recursive=True) if "ray::Keeper" in " ".join(p.cmdline()))
        for what in ("answers", "records"):
            more = [(f"parts-{number}",) if what == "records" else () for number in range(lanes)]
            began, before, memory = time.monotonic(), sum(ours.cpu_times()[:2]), ours.memory_info().rss
            calls = [getattr(p, what).remote(keeper, seconds, *rest) for p, rest in zip(pushers, more, strict=True)]
            count = sum(ray.get(calls))
            grown = (ours.memory_info().rss - memory) / count
            wall, cpu = time.monotonic() - began, sum(ours.cpu_times()[:2]) - before
            each = f"{cpu / count * 1e6:.0f} µs of CPU and {grown:.0f} bytes each"
            print(f"{what}: {count / wall:,.0f} a second from {lanes} lanes, {each}")
        assert any(Path(folder).rglob("*.zst"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
