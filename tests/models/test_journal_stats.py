"""Statistics of a journal: answers, tokens and dollars by model and by run, read from the bodies."""

import asyncio
import gc
import json
import subprocess
import sys
import tracemalloc
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from compact_kit import key

from synthkit.core.answer import Usage
from synthkit.models.journal import Entry, Journal
from synthkit.models.journal.replies import Replies
from synthkit.models.journal.statistics import Statistics, Used, statistics
from synthkit.models.project import Project, find_project
from synthkit.plugins import registry

TOML = """
[models.teacher]
use = "openai/qwen3"
base_url = "http://localhost:1/v1"
[prices.teacher]
input = 1
output = 2
"""

WRITING = """
import asyncio, os, sys
from pathlib import Path
from synthkit.models.journal import Entry, Journal
async def main():
    journal = Journal(Path(sys.argv[1]))
    for number in range(1 << 40):
        data = {"request": {"provider": "demo", "model": "default"}, "body": "{}", "run": "r"}
        await journal.append(Entry(number.to_bytes(16, "big"), "answer", data))
        if number == 20:
            os.write(1, b"r")
asyncio.run(main())
"""


def body(text: str, given: int, made: int, cached: int = 0, reasoning: int = 0) -> str:
    """As OpenAI answers."""
    usage = {
        "prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }  # fmt: skip
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    return json.dumps({"id": "x", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage})


def entry(number: int, said: str, kind: str = "answer", run: str = "r1", **request: Any) -> Entry:
    form = {"provider": "openai", "model": "qwen3", "messages": [], **request}
    data = {"request": form, "body": said, "model": "teacher", "run": run, "path": "p", "record": "0"}
    return Entry(key(number), kind, data)


def fill(folder: Path, *entries: Entry) -> Path:
    async def run() -> None:
        journal = Journal(folder)
        for start in range(0, len(entries), 50):
            await asyncio.gather(*map(journal.append, entries[start : start + 50]))
        await journal.close()

    asyncio.run(run())
    return folder


def counted(project: Project, folder: Path) -> Statistics:
    return statistics(folder, Replies(project, registry().provider))


@pytest.fixture
def priced(project: Path) -> Project:
    (project / "synthkit.toml").write_text(TOML)
    return find_project()


def test_answers_tokens_and_dollars_by_model_and_run(priced: Project, tmp_path: Path) -> None:
    loop = {"endpoint": "loop"}
    folder = fill(
        tmp_path / "journal",
        entry(1, body("a", 100, 10, cached=40), **loop),
        entry(2, body("b", 200, 30, reasoning=25), run="r2", **loop),
        entry(2, body("again", 200, 30), run="r2", **loop),  # came second: an attempt, and paid for
        entry(3, '{"cut', "attempt", **loop),
        entry(4, body("c", 7, 8), model="gpt-9-unheard-of"),
        Entry(
            key(5),
            "answer",
            {
                **entry(5, body("d", 1, 1)).data,
                "model": "demo/default",
                "request": {"provider": "demo", "model": "default"},
            },
        ),
    )
    found = counted(priced, folder)
    assert (found.segments, found.problems, found.absent) == (1, [], {})
    assert found.size == sum(path.stat().st_size for path in folder.glob("0*"))
    teacher = found.models["openai", "qwen3", "loop"]
    dollars = Decimal(100 + 200 + 200) / 10**6 + Decimal(2 * (10 + 30 + 30)) / 10**6
    assert teacher == Used(2, 2, 1, 0, Usage(500, 70, 40, 25), dollars)
    assert found.models["openai", "gpt-9-unheard-of", ""].unpriced == 0  # the price of «teacher» is its own
    assert found.models["demo", "default", ""].cost == 0
    assert [*found.runs] == ["r1", "r2"] and found.runs["r2"].answers == 1 and found.runs["r2"].attempts == 1
    assert (found.total.answers, found.total.attempts) == (4, 2)
    assert sum(used.usage.input for used in found.runs.values()) == found.total.usage.input == 508


def test_a_price_that_is_not_known_is_not_nothing(project: Path, tmp_path: Path) -> None:
    folder = fill(tmp_path / "journal", entry(1, body("a", 100, 10), endpoint="elsewhere"))
    found = counted(find_project(), folder)
    assert found.total.unpriced == 1 and found.total.cost == 0 and found.total.usage == Usage(100, 10)


def test_a_provider_that_is_not_installed_is_counted_without_tokens(priced: Project, tmp_path: Path) -> None:
    folder = fill(
        tmp_path / "journal",
        entry(1, body("a", 100, 10)),
        *(entry(number, "whatever", provider="bedrock-of-old") for number in (2, 3)),
        Entry(key(4), "answer", {"body": 5}),  # no entry of ours at all
    )
    found = counted(priced, folder)
    assert found.absent == {"": 1, "bedrock-of-old": 2}
    old = found.models["bedrock-of-old", "qwen3", ""]
    assert (old.answers, old.unread, old.usage) == (2, 2, Usage())
    assert found.total.answers == 4 and found.total.usage == Usage(100, 10)


def test_a_journal_that_is_being_written_is_counted(project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    with subprocess.Popen([sys.executable, "-c", WRITING, str(folder)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdout.read(1) == b"r"
        before = {path.name for path in folder.iterdir()}
        numbers = [counted(find_project(), folder).total.answers for _ in range(3)]
        assert {path.name for path in folder.iterdir()} == before  # it only reads
        child.kill()
    assert 20 <= numbers[0] <= numbers[1] <= numbers[2]


def test_memory_does_not_grow_with_the_journal(priced: Project, tmp_path: Path) -> None:
    small = fill(tmp_path / "small", *(entry(n, body("x" * 2000, 1, 1)) for n in range(300)))
    large = fill(tmp_path / "large", *(entry(n, body("x" * 2000, 1, 1)) for n in range(3000)))

    def peak(folder: Path) -> int:
        gc.collect()
        tracemalloc.start()
        try:
            counted(priced, folder)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(small)
    # the keys, 133 bytes each, are in memory; the bodies, some 2,500, are not
    assert peak(large) - peak(small) < 2700 * 1250


def test_watching_tells_how_far_it_is(priced: Project, tmp_path: Path) -> None:
    folder = fill(tmp_path / "journal", *(entry(n, body("x", 1, 1)) for n in range(2500)))
    seen: list[tuple[int, int]] = []
    statistics(folder, Replies(priced, registry().provider), lambda done, of: seen.append((done, of)))
    assert seen == [(0, 2500), (1000, 2500), (2000, 2500)]
