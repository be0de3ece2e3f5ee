"""The journal's speed: appends a second and what one costs, and how long a reopening takes.

    python benchmarks/journal.py [--entries 100000] [--waiters 256] [--folder DIR]

Beside it, in the same run and on the same disk, the same texts through one buffered file without a sync, and one
sync for each group of as many entries as there are waiters.
"""

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from synthkit.models.journal import Entry, Journal
from synthkit.models.journal.entry import to_text

BODY_BYTES = 551
WORDS = ("the", "a", "model", "answers", "with", "some", "words", "that", "repeat", "as", "in", "any", "language")


def entries(count: int) -> list[Entry]:
    """Bodies of 551 bytes: words, and a hash that does not compress, as an id of a response would not."""
    rng = random.Random(7)
    made = []
    for number in range(count):
        key = blake2b(number.to_bytes(8, "big"), digest_size=16).digest()
        body = f'{{"id":"{key.hex()}","text":"{" ".join(rng.choices(WORDS, k=150))}'[:BODY_BYTES]
        made.append(Entry(key, "answer", {"body": body, "run": "bench", "step": "write", "record": number}))
    return made


@contextmanager
def timed(name: str, count: int) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name:44} {wall:7.3f} s {count / wall:10,.0f} /s {cpu / count * 1e6:8.1f} µs CPU each")


async def append_all(folder: Path, made: list[Entry], waiters: int) -> None:
    journal = Journal(folder)
    queue = iter(made)
    slowest: list[float] = []

    async def waiter() -> None:
        for entry in queue:
            start = time.perf_counter()
            await journal.append(entry)
            slowest.append(time.perf_counter() - start)

    with timed(f"journal: {waiters} waiters", len(made)):
        await asyncio.gather(*(waiter() for _ in range(waiters)))
    print(f"{'':44} median wait {statistics.median(slowest) * 1e3:.2f} ms, longest {max(slowest) * 1e3:.1f} ms")
    with timed("journal: seal and close", len(made)):
        await journal.close()


def plain(path: Path, made: list[Entry], group: int) -> None:
    """The baseline; `group` 0 never syncs."""
    with path.open("wb") as file:
        for number, entry in enumerate(made, 1):
            file.write(to_text(entry))
            if group and number % group == 0:
                file.flush()
                os.fsync(file.fileno())
        file.flush()


def reopen(name: str, folder: Path, made: list[Entry], then: Callable[[Journal], None]) -> None:
    with timed(f"reopen: {name}", len(made)):
        journal = Journal(folder)
    assert len(journal) == len(made)
    then(journal)
    asyncio.run(journal.close())


def replay(journal: Journal, made: list[Entry]) -> None:
    with timed("get: in the order of the appends", len(made)):
        for entry in made:
            assert journal.get(entry.key) == entry
    some = random.Random(8).sample(made, min(2000, len(made)))
    with timed("get: in any order", len(some)):
        for entry in some:
            journal.get(entry.key)
    with timed("get: a miss", len(made)):
        for entry in made:
            journal.get(entry.key[::-1])


def measure(folder: Path, count: int, waiters: int) -> None:
    made = entries(count)
    with timed("baseline: buffered writes, no sync", count):
        plain(folder / "plain", made, 0)
    with timed(f"baseline: a sync for each {waiters}", count):
        plain(folder / "synced", made, waiters)
    asyncio.run(append_all(folder / "journal", made, waiters))
    size = sum(path.stat().st_size for path in (folder / "journal").iterdir())
    print(f"{'bytes an entry':44} {size / count:7.0f}   of {(folder / 'plain').stat().st_size / count:.0f} as text")
    reopen("with sidecars", folder / "journal", made, lambda journal: replay(journal, made))
    for sidecar in (folder / "journal").glob("*.keys"):
        sidecar.unlink()
    reopen("sidecars made again", folder / "journal", made, lambda journal: None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--waiters", type=int, default=256)
    parser.add_argument("--folder", type=Path, help="where to write; default: a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        measure(Path(temporary), options.entries, options.waiters)
