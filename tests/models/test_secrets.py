"""The key goes to the service and nowhere else: no file of a project, no event, no error text, no log has it."""

import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from pydantic import BaseModel

import synthkit as sk
from synthkit.engine.result import Result
from synthkit.models import attempts
from synthkit.models.journal import Journal
from synthkit.testing import ApiError, LoopbackServer, Reply

Serve = Callable[..., LoopbackServer]
KEY = "sk-loopback-fedcba9876543210"
SECRETS = (KEY.encode(), b"uthorization", b"Bearer")


def texts(project: Path) -> Iterator[tuple[str, bytes]]:
    """All there is in a project's files, unpacked."""
    for path in sorted(project.rglob("*")):
        if path.is_file():
            yield str(path), path.read_bytes()
            if path.suffix == ".zst":
                reader = zstandard.ZstdDecompressor().stream_reader(path.read_bytes(), read_across_frames=True)
                yield f"{path} (unpacked)", reader.read()
    for entry in Journal(project / ".synthkit" / "journal", read_only=True).scan():
        yield "the journal", json.dumps(entry.data).encode()


def clean(project: Path, result: Result, caplog: pytest.LogCaptureFixture, marks: int) -> None:
    """Nothing says the key, and what would have said it shows stars `marks` times at least."""
    found = list(texts(project))
    assert len(found) > 5 and any(name == "the journal" for name, _ in found)
    for name, content in found:
        for secret in SECRETS:
            assert secret not in content, name
    assert sum(content.count(b"***") for _, content in found) >= marks
    said = repr(result) + repr(result.rejected) + repr(result.accepted) + caplog.text
    assert not any(secret.decode() in said for secret in SECRETS)


@sk.generator(writes="n")
def numbers(top: int = 6) -> Any:
    for n in range(top):
        yield {"n": n}


@sk.step(reads="n", writes="x")
def careless(record: sk.Record) -> Any:
    if record["n"] == 5:
        raise ValueError(f"called with {os.environ['OPENAI_API_KEY']}")
    return {"x": 1}


class Ask(sk.Prompt):
    template = "Number {{ n }}"


class Rate(sk.Prompt):
    template = "Rate {{ n }}"

    class Out(BaseModel):
        score: int


def echo(request: Any) -> Reply:
    """A service that repeats the key wherever it can."""
    said = f"your key is {KEY}"
    number = request.body["messages"][0]["content"].rpartition(" ")[2]
    match number, request.prompt.startswith("Rate"):
        case "1", False:
            return Reply(error=ApiError(400, said))
        case "2", False:
            return Reply(error=ApiError(500, said))
        case "3", False:
            return Reply(error=ApiError(418, said, code=KEY.replace("-", "_")))
        case "4", True:
            return Reply(text=said)
    if request.prompt.startswith("Rate"):
        return Reply(text='{"score": 1, "why": "%s"}' % said)  # noqa: UP031
    return Reply(text=said, reasoning=said, headers={"x-your-key": KEY, "set-cookie": KEY})


@pytest.fixture(autouse=True)
def quick(project: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(attempts, "FIRST_DELAY", 0.001)
    caplog.set_level(logging.DEBUG)


def test_the_key_is_nowhere(serve: Serve, project: Path, caplog: pytest.LogCaptureFixture) -> None:
    server = serve(answer=echo, key=KEY)
    pipeline = sk.Pipeline("p") >> numbers >> careless >> Ask(model="m") >> Rate(model="m")
    result = pipeline.run(folder="run", max_failures="100%", export=[])
    assert result.status == "complete"
    assert server.answered > 0, "the key went where it belongs"
    failed = {r["fields"]["n"]: (r["reason"], r["message"]) for r in result.rejected if r["kind"] == "failed"}
    assert sorted(failed) == [1, 2, 3, 4, 5]
    assert failed[1][1].endswith("refuses the request (400): your key is ***")
    assert failed[2][0] == "server error" and failed[2][1].endswith("your key is ***")
    assert failed[5] == ("ValueError", "ValueError: called with ***")
    assert [r["text"] for r in result.accepted] == ["your key is ***"]
    clean(project, result, caplog, marks=10)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(error=ApiError(401, f"Incorrect API key provided: {KEY}", code="invalid_api_key")),
        Reply(error=ApiError(500, f"cannot log {KEY}")),
        Reply(error=ApiError(404, f"no model for {KEY}", code="model_not_found")),
        Reply(error=ApiError(429, f"no money on {KEY}", code="insufficient_quota")),
        Reply(raw=json.dumps({"error": {"message": f"oh {KEY}", "code": 503}}).encode()),
        Reply(raw=json.dumps({"detail": f"oh {KEY}"}).encode()),
        Reply(html=f"<p>{KEY}</p>"),
    ],
    ids=["401", "500", "404", "429", "200-503", "detail", "html"],
)
def test_a_run_that_stops_does_not_say_it(
    serve: Serve, project: Path, caplog: pytest.LogCaptureFixture, reply: Reply
) -> None:
    serve(answer=lambda request: Reply(text="ok") if "Number 0" in request.prompt else reply)
    once = (sk.Pipeline("p") >> numbers(top=1) >> Ask(model="m")).run()
    assert once.status == "complete"
    result = (sk.Pipeline("q") >> numbers >> Ask(model="m")).run(folder="run", give_up_after="1s")
    assert result.status in ("failed", "complete", "partial")
    clean(project, result, caplog, marks=0)
