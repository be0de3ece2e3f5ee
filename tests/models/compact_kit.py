"""What the tests of compaction share."""

import asyncio
from pathlib import Path

from synthkit.models.journal import Entry, Journal


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def entry(number: int, kind: str = "answer", body: str = "the body of") -> Entry:
    return Entry(key(number), kind, {"body": f"{body} {number}", "request": {"messages": [f"question {number}"]}})


def fill(folder: Path, *commits: list[Entry]) -> list[Entry]:
    """Each list in a segment of its own."""

    async def run(commit: list[Entry]) -> None:
        journal = Journal(folder)
        await asyncio.gather(*map(journal.append, commit))
        await journal.close()

    for commit in commits:
        asyncio.run(run(commit))
    return [one for commit in commits for one in commit]


def close(journal: Journal) -> None:
    asyncio.run(journal.close())


def scan(folder: Path) -> list[Entry]:
    """All entries; each answer is found by its key, too, and nothing is wrong."""
    journal = Journal(folder, read_only=True)
    found = list(journal.scan())
    for one in found:
        assert one.kind == "attempt" or journal.get(one.key) == one
    assert journal.problems == [] and len(journal) == sum(one.kind == "answer" for one in found)
    close(journal)
    return found


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix in (".journal", ".keys", ".replaced"))
