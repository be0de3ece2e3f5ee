"""Model calls through the real SDK against a server that fails: what is tried again, what fails a record, what stops
the run."""

import asyncio
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from calls_kit import calls, context, outcome

from synthkit import errors
from synthkit.models import attempts as module
from synthkit.models.journal import Journal
from synthkit.testing import ERRORS, LoopbackServer, Reply, Script

Serve = Callable[..., LoopbackServer]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries do not wait."""
    monkeypatch.setattr(module, "FIRST_DELAY", 0.001)


def ask_once(project: Path, **options: Any) -> tuple[Any, Any]:
    """One question; what came of it, and the call path."""

    async def main() -> tuple[Any, Any]:
        async with calls(project) as models:
            asked = await outcome(context(models).ask("m", "Hello", **options))
            return asked, models

    return asyncio.run(main())


TRANSIENT: dict[str, tuple[Reply, str]] = {
    "rate_limit_exceeded": (Reply(error="rate_limit_exceeded"), "rate limit"),
    "server_error": (Reply(error="server_error"), "server error"),
    "service_unavailable": (Reply(error="service_unavailable"), "overloaded"),
    "overloaded": (Reply(error="overloaded"), "overloaded"),
    "status_502": (Reply(status=502, html="<h1>Bad Gateway</h1>"), "server error"),
    "html": (Reply(html="<h1>Hello</h1>"), "broken body"),
    "empty": (Reply(raw=b""), "broken body"),
    "cut": (Reply(text="a long answer", cut=0.6), "broken body"),
    "close_early": (Reply(text="a long answer", close_early=True), "connection"),
    "reset": (Reply(reset=True), "connection"),
    "hang": (Reply(text="late", hang=5), "timeout"),
    "not_utf8": (Reply(raw=b'{"choices": "\xff"}'), "broken body"),
    "other_json": (Reply(raw=b'{"hello": 1}'), "broken body"),
}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", TRANSIENT)
def test_a_passing_failure_is_tried_again(serve: Serve, project: Path, name: str) -> None:
    reply, reason = TRANSIENT[name]
    server = serve(answer=lambda request: "fine", faults=Script([reply, reply]))
    with (project / "synthkit.toml").open("a") as file:
        file.write("timeout = 0.25\n")
    answer, models = ask_once(project)
    assert answer.text == "fine"
    assert models.events.reasons() == [reason, reason]
    assert server.count == 3
    assert len({str(request.body) for request in server.requests}) == 1, "the same is asked again"
    assert not models.stopping.is_set()


FAILING = {
    "bad_request": (errors.BadRequest, "bad request", "refuses the request (400)"),
    "context_length_exceeded": (errors.ContextTooLong, "context too long", "does not fit the context of m"),
    "content_filter": (errors.ContentFiltered, "content filter", "the content filter of"),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_request_that_is_refused_fails_its_record_alone(serve: Serve, project: Path, name: str) -> None:
    server = serve(answer=lambda request: "fine", faults=Script([Reply(error=name)]))
    kind, reason, said = FAILING[name]

    async def main() -> None:
        async with calls(project) as models:
            ask = context(models)
            error = await outcome(ask.ask("m", "Hello"))
            assert type(error) is kind and error.reason == reason and said in str(error)
            assert not models.stopping.is_set()
            assert [line["kind"] for line in models.events.lines] == ["cost nothing"]
            assert (await ask.ask("m", "Hello")).text == "fine"

    asyncio.run(main())
    assert server.count == 2


FATAL = {
    "invalid_api_key": (errors.BadKey, "does not take the key from OPENAI_API_KEY (401, invalid_api_key)"),
    "forbidden": (errors.BadKey, "does not let the key from OPENAI_API_KEY use m (403"),
    "model_not_found": (errors.NoSuchModel, "has no model 'm', or not for the key from OPENAI_API_KEY (404"),
    "insufficient_quota": (errors.OutOfQuota, "has nothing left to spend for the key from OPENAI_API_KEY (429"),
}


@pytest.mark.parametrize("name", FATAL)
def test_what_no_call_can_survive_stops_the_run(serve: Serve, project: Path, name: str) -> None:
    server = serve(answer=lambda request: "fine", faults=Script([Reply(error=name)]))
    kind, said = FATAL[name]

    async def main() -> None:
        async with calls(project) as models:
            error = await outcome(context(models).ask("m", "Hello"))
            assert type(error) is kind and said in str(error)
            assert models.stopping.is_set() and models.fatal is error
            assert type(await outcome(context(models, 1).ask("m", "Hello"))) is module.Stopped

    asyncio.run(main())
    assert server.count == 1, "nothing more is asked"


def test_every_error_of_the_test_server_has_a_fate() -> None:
    assert {*FAILING, *FATAL, *TRANSIENT} >= set(ERRORS)


@pytest.mark.usefixtures("quick")
def test_a_failure_that_does_not_pass_fails_the_record_after_six_tries(serve: Serve, project: Path) -> None:
    bad = Reply(error="server_error")
    server = serve(answer=lambda request: "fine", faults=Script([None, *[bad] * 6]))

    async def main() -> None:
        async with calls(project) as models:
            assert (await context(models).ask("m", "one")).text == "fine"
            ask = context(models, 1)
            error = await outcome(ask.ask("m", "two"))
            assert type(error) is errors.ServerError and not models.stopping.is_set()
            assert ask.spent.asked == 0 and models.bill.total.failed == models.bill.total.free == 6
            lines = [line for line in models.events.lines if line["kind"] == "retry"]
            assert [line["number"] for line in lines] == [1, 2, 3, 4, 5, 6]

    asyncio.run(main())
    assert server.count == 7


def test_retry_after_holds_back_its_own_request_only(serve: Serve, project: Path) -> None:
    limited = Reply(error="rate_limit_exceeded", retry_after=0.7)
    server = serve(answer=lambda request: request.prompt, faults=Script([limited]))

    async def main() -> None:
        async with calls(project) as models:
            first = asyncio.create_task(context(models).ask("m", "the first"))
            await asyncio.to_thread(server.wait, 1)
            for number in range(5):
                assert (await context(models, number).ask("m", f"other {number}")).text == f"other {number}"
            assert not first.done(), "five others were answered meanwhile"
            assert (await first).text == "the first"
            assert models.events.lines[1]["retry_after"] == 0.7

    asyncio.run(main())
    at = [request.at for request in server.requests if request.body["messages"][0]["content"] == "the first"]
    assert len(at) == 2 and at[1] - at[0] >= 0.7


def test_a_wait_of_more_than_ten_minutes_is_not_waited_for(serve: Serve, project: Path) -> None:
    server = serve(faults=Script([Reply(error="overloaded", retry_after=3600)]))
    error, models = ask_once(project)
    assert type(error) is errors.Overloaded and error.retry_after == 3600
    assert server.count == 1 and not models.stopping.is_set()


def test_a_limit_that_lasts_longer_than_anybody_waits_stops_the_run_and_fails_nothing(
    serve: Serve, project: Path
) -> None:
    server = serve(faults=Script([Reply(error="rate_limit_exceeded", retry_after=3600)]))
    error, models = ask_once(project)
    assert type(error) is errors.Outage and "asks to wait 3600 s (rate limit)" in str(error)
    assert server.count == 1 and models.stopping.is_set()


def test_a_fatal_error_stops_the_others_and_keeps_what_is_on_its_way(serve: Serve, project: Path) -> None:
    slow, key = Reply(text="paid for", delay=0.6), Reply(error="invalid_api_key", delay=0.1)
    server = serve(faults=Script([slow, slow, slow, slow, key, Reply(error="server_error")]))

    async def main() -> None:
        async with calls(project) as models:
            asked = []
            for number in range(6):
                asked.append(asyncio.create_task(outcome(context(models, number).ask("m", "Hello"))))
                await asyncio.to_thread(server.wait, number + 1)
            more = [outcome(context(models, 10 + number).ask("m", "Hello")) for number in range(5)]
            *good, fatal, waiting = await asyncio.gather(*asked)
            assert [answer.text for answer in good] == ["paid for"] * 4
            assert type(fatal) is errors.BadKey
            assert type(waiting) is module.Stopped, "what waits to be tried again does not wait any longer"
            assert {type(late) for late in await asyncio.gather(*more)} == {module.Stopped}

    asyncio.run(main())
    assert server.count == 6
    kept = [entry.data["body"] for entry in Journal(project / ".synthkit" / "journal", read_only=True).scan()]
    assert len(kept) == 4 and all("paid for" in body for body in kept)


def test_close_waits_for_what_is_on_its_way(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: Reply(text="paid for", delay=0.4))

    async def main() -> None:
        async with calls(project) as models:
            for number in range(3):
                task = asyncio.create_task(context(models, number).ask("m", "Hello"))
                await asyncio.to_thread(server.wait, number + 1)
                task.cancel()
            assert models.in_flight == 3, "who stops waiting does not stop the call"

    asyncio.run(main())
    assert len(Journal(project / ".synthkit" / "journal", read_only=True)) == 3


def closed_port() -> int:
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        return int(plug.getsockname()[1])


def test_a_service_that_never_answered_stops_the_run_in_seconds(project: Path) -> None:
    where = f"127.0.0.1:{closed_port()}"
    table = f'[models.m]\nuse = "openai/m"\nbase_url = "http://{where}/v1"\n'
    (project / "synthkit.toml").write_text(table)
    began = time.monotonic()

    async def main() -> None:
        async with calls(project) as models:
            said = await asyncio.gather(*(outcome(context(models, n).ask("m", "Hello")) for n in range(5)))
            assert {type(error) for error in said} <= {errors.ConnectionLost, errors.Unreachable, module.Stopped}
            assert type(models.fatal) is errors.Unreachable
            assert str(models.fatal) == (
                f"m at http://{where}/v1 has not answered once; 3 calls gave up after 3 tries, the last with: "
                f"{where} refuses connections: is the server running, at this port?"
            )

    asyncio.run(main())
    assert time.monotonic() - began < 10


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(html="<h1>Hi</h1>"), "answered with HTML, not JSON: does base_url end in /v1?"),
        (Reply(raw=b""), "answered with nothing: an empty body"),
        (Reply(raw=b"pong"), "answered with text that is no JSON: is base_url right?"),
        (Reply(error="server_error"), "failed (500): The server had an error while processing your request."),
        (Reply(text="x", cut=0.5), "answered with JSON that breaks off or is none: try again"),
    ],
    ids=["html", "empty", "text", "500", "cut"],
)
def test_a_service_that_answers_nonsense_stops_the_run(serve: Serve, project: Path, reply: Reply, said: str) -> None:
    server = serve(answer=lambda request: reply)

    async def main() -> None:
        async with calls(project) as models:
            for number in range(3):
                error = await outcome(context(models, number).ask("m", "Hello"))
                assert said in str(error)
            assert type(models.fatal) is errors.Unreachable and said in str(models.fatal)
            assert server.url in str(models.fatal)

    asyncio.run(main())
    assert server.count == 9
