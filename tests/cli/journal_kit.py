"""What the tests of `synthkit journal` share."""

import asyncio
import json
import unicodedata
import zlib
from pathlib import Path
from typing import Any

from synthkit.models.journal import Entry, Journal

HOSTILE = "\x1b[2J\x1b]0;title\x07red\r\n\u202ereversed\u2069 \x9b31m \x00 \ud800 \u2028 👩‍👩‍👧 数字 " + "e\u0301" * 3
KEY = "sk-test-0123456789abcdef0123"
CITIES = '''
import asyncio
import synthkit as sk


@sk.generator(writes=["city", "country"])
def cities(top: int = 4):
    for city, country in [("Rome", "Italy"), ("Oslo", "Norway"), ("Lima", "Peru"), ("Bari", "Italy")][:top]:
        yield {"city": city, "country": country}


class Describe(sk.Prompt):
    """Describes a city."""

    template = "Describe {{ city }} ({{ country }}) in one sentence."


class Slogan(sk.Prompt):
    """Makes a slogan."""

    system: str | None = "You write for posters."
    template = "Make a slogan of this:\\n\\n{{ text }}"
    into: str = "slogan"


def pipeline(top: int = 4, model: str = "m", seeds: list[str] | None = None) -> sk.Pipeline:
    """Cities and slogans."""
    return sk.Pipeline("cities") >> cities(top=top) >> Describe(model=model) >> Slogan(model=model)
'''


def journal(place: Path) -> Path:
    return place / ".synthkit" / "journal"


def fill(folder: Path, *datas: dict[str, Any], kind: str = "answer") -> None:
    async def run() -> None:
        opened = Journal(folder)
        for number, data in enumerate(datas):
            await opened.append(Entry((number + (77 << 64)).to_bytes(16, "big"), kind, data))
        await opened.close()

    asyncio.run(run())


def data(text: str = "fine", **changed: Any) -> dict[str, Any]:
    """An entry as a run with the provider openai makes it."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    body = {"id": "x", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}
    return {
        "request": {"provider": "openai", "model": "gpt-5-mini", "messages": [{"role": "user", "content": "Say it."}]},
        "body": json.dumps(body), "model": "openai/gpt-5-mini",
        "run": "0123456789ab", "path": "say", "record": "ab" * 12, **changed,
    }  # fmt: skip


def newer(path: Path) -> None:
    """Makes a segment one of a later format."""
    changed = bytearray(path.read_bytes())
    changed[4] = 3
    changed[24:28] = zlib.crc32(changed[:24]).to_bytes(4, "big")
    path.write_bytes(changed)


def harmless(text: str, width: int = 0) -> None:
    """No control character, nothing that turns the direction, and no line beyond the screen."""
    for line in text.splitlines():
        assert all(char in "\u200c\u200d" or unicodedata.category(char) not in ("Cc", "Cf", "Cs") for char in line), (
            line
        )
        assert not width or len(line) <= width, line
