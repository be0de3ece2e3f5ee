"""Compaction and real processes: it dies at every step, is killed at random, and others write and read meanwhile."""

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from compact_kit import close, entry, fill, scan

from synthkit.models.journal import Journal
from synthkit.models.journal.compact import compact

DYING = """
import os, shutil, signal, sys
from pathlib import Path
from synthkit.models.journal.compact import compact

def dying(function):
    def called(*arguments, **named):
        global left
        if str(folder) in str(arguments) or function is fsync:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **named)
    return called

whole, place, code, steps = Path(sys.argv[1]), Path(sys.argv[2]), -9, 0
fsync = os.fsync
while code:
    folder, left = place / f"{steps}", steps
    shutil.copytree(whole, folder)
    if not (child := os.fork()):
        os.fsync = dying(fsync)
        for name in ("replace", "unlink", "open"):
            setattr(Path, name, dying(getattr(Path, name)))
        compact(folder)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -9), code
    steps += 1
"""

WAITING = """
import os, sys
from pathlib import Path
from synthkit.models.journal.compact import compact
os.write(1, b"r")
sys.stdin.read(1)
compact(Path(sys.argv[1]), size=int(sys.argv[2]))
"""

WRITING = """
import asyncio, os, random, sys
from pathlib import Path
from synthkit.models.journal import Entry, Journal
folder, me, many = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
rng = random.Random(me)
def key(number): return number.to_bytes(16, "big")
async def main():
    journal = Journal(folder, segment_size=6_000)
    os.write(1, b"r")
    mine, first = {}, {}
    for turn in range(many):
        numbers = [rng.randrange(400), 1000 * me + turn]
        entries = [Entry(key(n), "answer", {"by": me, "turn": turn, "body": "x" * rng.randrange(300)}) for n in numbers]
        for entry in await asyncio.gather(*map(journal.append, entries)):
            assert first.setdefault(entry.key, entry) == entry, "another answer counts now"
        for each in rng.sample(sorted(first), min(len(first), 20)):
            assert journal.get(each) == first[each], "an answer is gone, or another one"
    assert journal.problems == [], journal.problems
    await journal.close()
    again = Journal(folder, read_only=True)
    assert all(again.get(each) == entry for each, entry in first.items())
    assert again.problems == [], again.problems
    await again.close()
asyncio.run(main())
"""


def test_a_compaction_that_dies_at_any_step_loses_nothing(tmp_path: Path) -> None:
    """Killed before each of its writes that others could see, one after the other."""
    whole, place = tmp_path / "whole", tmp_path / "place"
    made = fill(whole, *([entry(10 * segment + number) for number in range(1 + segment % 3)] for segment in range(8)))
    subprocess.run([sys.executable, "-c", DYING, str(whole), str(place)], check=True)
    seen = Counter[int]()
    for folder in place.iterdir():
        assert scan(folder) == made
        seen[len(list(folder.glob("00*.journal")))] += 1
        close(Journal(folder))  # goes on for the dead one
        assert scan(folder) == made and not list(folder.glob("compaction.*"))
        done = compact(folder)
        assert done.after[0] == 1 and scan(folder) == made
    assert {8, 9, 1} <= seen.keys() and len(seen) > 5  # it died while it removed, too
    assert seen.total() > 20


def test_a_compaction_that_is_killed_at_random_loses_nothing(tmp_path: Path) -> None:
    rng = random.Random(9)
    numbers = (range(100 * turn, 100 * turn + 60) for turn in range(40))
    made = fill(tmp_path, *([entry(number, body="x" * rng.randrange(900)) for number in some] for some in numbers))
    command = [sys.executable, "-c", WAITING, str(tmp_path)]
    for turn in range(12):
        child = subprocess.Popen([*command, str(30_000 << turn // 2)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert child.stdin is not None and child.stdout is not None
        assert child.stdout.read(1) == b"r"
        child.stdin.write(b"g")
        child.stdin.close()
        time.sleep(rng.random() ** 2 * 0.1)
        child.kill()
        child.stdout.close()
        child.wait()
        found = scan(tmp_path)
        assert len(found) == len(made) and {one.key: one for one in found} == {one.key: one for one in made}
    compact(tmp_path)
    assert {one.key: one for one in scan(tmp_path)} == {one.key: one for one in made}


def test_writers_and_readers_go_on_while_it_is_compacted_again_and_again(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITING, str(tmp_path)]
    children = [subprocess.Popen([*command, str(me), "800"], stdout=subprocess.PIPE) for me in (1, 2)]
    for child in children:
        assert child.stdout is not None and child.stdout.read(1) == b"r"
        child.stdout.close()
    merged = 0
    while any(child.poll() is None for child in children):
        if tmp_path.exists():
            done = compact(tmp_path, size=40_000)
            merged += done.before[0] - done.after[0] + done.waiting
        journal = Journal(tmp_path, read_only=True)
        found = Counter(one.key for one in journal.scan() if one.kind == "answer")
        assert not found or max(found.values()) == 1
        close(journal)
    assert [child.returncode for child in children] == [0, 0]
    compact(tmp_path)
    counts = Counter(one.kind for one in scan(tmp_path))
    assert sum(counts.values()) == 2 * 1600 and merged > 0


def test_a_full_disk_is_named_and_nothing_is_left_behind(tmp_path: Path) -> None:
    made = fill(tmp_path, *([entry(number, body="body " * 50)] for number in range(3)))
    script = f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (90, 90))\n{WAITING}"
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path), "99999"], input=b"g", capture_output=True)
    assert done.returncode == 1
    assert b"compaction.journal: File too large; raise the limit on file sizes and start again" in done.stderr
    assert not list(tmp_path.glob("compaction.*")) and scan(tmp_path) == made
