"""Answers that a provider cannot read, and parts of keys."""

import asyncio
import json
from pathlib import Path

import pytest
from calls_kit import calls, context, outcome

from synthkit.core import Reply, Request
from synthkit.core.answer import Usage
from synthkit.core.provider import Provider
from synthkit.errors import BrokenBody
from synthkit.models.journal import Journal
from synthkit.models.project import find_project
from synthkit.plugins import registry


class Careless(Provider):
    """A provider whose `parse` does not keep its word."""

    needs_key = False

    async def call(self, request: Request, sample: str) -> str:
        return json.dumps({"paid": True})

    def parse(self, body: str) -> Reply:
        return Reply(json.loads(body)["text"], Usage())


def test_an_answer_that_cannot_be_read_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = registry().provider
    monkeypatch.setattr(registry(), "provider", lambda name: Careless if name == "careless" else known(name))
    monkeypatch.setattr("synthkit.models.attempts.FIRST_DELAY", 0.0)

    async def main() -> object:
        async with calls(tmp_path) as models:
            return await outcome(context(models).ask("careless/m", "Hello"))

    error = asyncio.run(main())
    assert type(error) is BrokenBody and "KeyError" in str(error)
    kept = [
        (entry.kind, entry.data["body"]) for entry in Journal(tmp_path / ".synthkit/journal", read_only=True).scan()
    ]
    assert kept == [("attempt", '{"paid": true}')] * 3


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("key sk-0123456789abcdefXYZ is wrong", "key *** is wrong"),
        ("Incorrect API key: sk-0123456789abc...", "Incorrect API key: ***..."),
        ("it ends in 456789abcdefXYZ.", "it ends in ***."),
        ("sk-01****XYZ", "sk-01****XYZ"),
        ("sk-0123456789abcdefXYZ, sk-0123456789ab", "***, ***"),
    ],
)
def test_long_pieces_of_a_key_are_hidden(
    text: str, hidden: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abcdefXYZ" + "q" * 8)
    project = find_project(tmp_path)
    project.endpoint(project.model("openai/m"), registry().provider("openai"))
    key = "sk-0123456789abcdefXYZ" + "q" * 8
    whole = text.replace("sk-0123456789abcdefXYZ", key).replace("456789abcdefXYZ.", key[-15:] + ".")
    assert project.redact(whole) == hidden
