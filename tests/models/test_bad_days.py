"""Runs over a service that has a bad day: nothing is lost, little is asked twice, and nothing hangs."""

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import synthkit as sk
from synthkit.engine import api
from synthkit.models import attempts, outage
from synthkit.plugins import registry
from synthkit.steps import Embed
from synthkit.testing import Faults, Limits, LoopbackServer, Reply

Serve = Callable[..., LoopbackServer]


@sk.generator(writes="number")
def numbers(top: int = 300) -> Iterator[dict[str, int]]:
    for number in range(top):
        yield {"number": number}


class Ask(sk.Prompt):
    template = "Number {{ number }}"
    into = "text"


def ask(top: int, folder: str = "run", **settings: Any) -> Any:
    return (sk.Pipeline("p") >> numbers(top=top) >> Ask(model="m")).run(folder=folder, **settings)


def events(result: Any, kind: str) -> int:
    log = result.folder / "events.jsonl"
    return log.read_text().count(f'"kind":"{kind}"') if log.exists() else 0


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outages are seen, and probed, ten times as fast."""
    monkeypatch.setattr(outage, "QUIET", 0.3)
    monkeypatch.setattr(outage, "FIRST", 0.1)
    monkeypatch.setattr(outage, "LONGEST", 0.3)
    monkeypatch.setattr(attempts, "FIRST_DELAY", 0.05)


@pytest.mark.timeout(25)  # one call that hangs takes longer
def test_faults_of_all_kinds_cost_no_record_and_few_requests(serve: Serve, project: Path) -> None:
    faults = Faults(
        rate_limit=0.05, server_error=0.02, reset=0.01, cut=0.01, hang=(0.01, 30.0), retry_after=1.0, seed=3
    )
    server = serve(latency=(0.005, 0.03), faults=faults)
    result = ask(600, concurrency=32)
    assert (result.status, len(result.accepted)) == ("complete", 600)
    assert server.by_fault["hang"] >= 3 and server.by_fault["rate_limit"] >= 15
    assert server.count <= 1.15 * 600
    assert 1 <= events(result, "hedge") <= 0.02 * server.count


def test_without_hedges_nothing_is_sent_twice(serve: Serve, project: Path) -> None:
    server = serve(latency=0.005, faults=Faults(hang=(0.01, 2.5), seed=3))
    result = ask(200, hedge=False)
    assert (result.status, server.count, events(result, "hedge")) == ("complete", 200, 0)
    assert server.by_fault["hang"] >= 1


@pytest.mark.usefixtures("brisk")
def test_an_outage_in_the_middle_fails_no_record(serve: Serve, project: Path) -> None:
    began = time.monotonic()

    def answer(request: Any) -> Any:
        away = request.number > 60 and time.monotonic() - began < 2.5
        return Reply(error="service_unavailable") if away else "fine"

    server = serve(answer=answer, latency=0.01)
    result = ask(200, concurrency=16)
    assert (result.status, len(result.accepted)) == ("complete", 200)
    assert not [line for line in result.rejected if line["kind"] == "failed"]
    assert events(result, "outage") == events(result, "outage over") == 1
    assert server.count < 200 + 16 * 8, "it is probed, not stormed"


@pytest.mark.usefixtures("brisk")
def test_an_outage_that_does_not_end_is_given_up_and_the_run_goes_on_later(serve: Serve, project: Path) -> None:
    server = serve(answer=lambda request: "fine" if request.number < 60 or healed else Reply(status=502, html="Bad"))
    healed: list[bool] = []
    result = ask(200, concurrency=16, give_up_after="1s")
    assert result.status == "partial"
    assert "has answered nothing good for 1 s (last: server error)" in result.reason
    assert "no record has failed" in result.reason and "--give-up-after" in result.reason
    assert not [line for line in result.rejected if line["kind"] == "failed"]
    answered = server.answered
    healed.append(True)
    again = api.resume(result.folder)
    assert (again.status, len(again.accepted)) == ("complete", 200)
    assert answered == 60 and server.answered == 200 and server.asked_again == 0, "what was answered is not asked again"


@pytest.mark.usefixtures("brisk")
@pytest.mark.parametrize("concurrency", [1, 8])
def test_one_request_that_breaks_the_service_is_no_outage(serve: Serve, project: Path, concurrency: int) -> None:
    def answer(request: Any) -> Any:
        return Reply(error="server_error") if request.prompt == "Number 39" else "fine"

    server = serve(answer=answer, latency=0.005)
    result = ask(40, concurrency=concurrency, max_failures="100%")
    assert (result.status, len(result.accepted)) == ("complete", 39)
    assert events(result, "outage") == 0
    assert server.count == 39 + 2 * attempts.TRIES, "with all its tries, and once more before its shard is done"


@pytest.mark.usefixtures("brisk")
def test_several_that_break_it_at_the_end_are_failed_and_not_waited_for(serve: Serve, project: Path) -> None:
    def answer(request: Any) -> Any:
        return Reply(error="server_error") if request.prompt in ("Number 37", "Number 38", "Number 39") else "fine"

    server = serve(answer=answer, latency=0.005)
    result = ask(40, concurrency=8, max_failures="100%")
    assert (result.status, len(result.accepted)) == ("complete", 37)
    assert [line["reason"] for line in result.rejected if line["kind"] == "failed"] == ["server error"] * 3
    assert server.count <= 37 + 3 * 4 * attempts.TRIES


def test_limits_that_the_service_tells_of_are_kept(serve: Serve, project: Path) -> None:
    server = serve(limits=Limits(requests=1_200, tokens=100_000_000))
    result = ask(1_240, concurrency=64)
    assert (result.status, len(result.accepted)) == ("complete", 1_240)
    assert server.by_fault.get("rate_limit_exceeded", 0) + server.by_fault.get("rate_limit", 0) <= 12
    assert server.count <= 1_252


def test_a_quota_that_is_used_up_for_a_day_stops_the_run_and_fails_nothing(serve: Serve, project: Path) -> None:
    def answer(request: Any) -> Any:
        spent = request.number >= 30 and not healed
        return Reply(error="rate_limit_exceeded", retry_after=3600) if spent else "fine"

    healed: list[bool] = []
    serve(answer=answer)
    result = ask(100, concurrency=8)
    assert (result.status, len(result.accepted)) == ("partial", 30)
    assert "asks to wait 3600 s (rate limit)" in result.reason
    assert not [line for line in result.rejected if line["kind"] == "failed"]
    healed.append(True)
    assert len(api.resume(result.folder).accepted) == 100


class Stuck(sk.Provider):
    """Of a plugin: it never comes back for one record, and closes badly."""

    needs_key = False

    async def call(self, request: sk.Request, sample: str) -> str:
        if "Number 7" in request.messages[0]["content"]:
            await asyncio.sleep(3600)
        if "Number 8" in request.messages[0]["content"]:
            return None  # type: ignore[return-value]
        self.notice(sk.Quotas(sk.Quota("5", 0, math.inf), sk.Quota(1_000_000, -math.inf, 1)))  # type: ignore[arg-type]
        return '{"text": "fine"}'

    def parse(self, body: str) -> sk.Reply:
        return sk.Reply(text="fine", usage=sk.Usage(1, 1))

    async def close(self) -> None:
        raise RuntimeError("I do not close")


@pytest.mark.usefixtures("brisk")
@pytest.mark.parametrize("hedge", [True, False])
def test_a_provider_that_misbehaves_costs_its_records_only(
    project: Path, monkeypatch: pytest.MonkeyPatch, hedge: bool
) -> None:
    monkeypatch.setattr(registry(), "provider", lambda name: Stuck)
    monkeypatch.setattr(attempts, "GRACE", 0.2)
    (project / "synthkit.toml").write_text('[models.m]\nuse = "stuck/m"\ntimeout = 0.3\n')
    result = ask(12, hedge=hedge, max_failures="100%")
    assert result.status == "complete", result.reason
    failed = {line["fields"]["number"]: line["message"] for line in result.rejected if line["kind"] == "failed"}
    assert "gave no whole answer within 0.3 s" in failed.pop(7)
    assert failed.pop(8) == "the provider of m returned no text, but NoneType"
    assert not failed and len(result.accepted) == 10


class Used(Stuck):
    """Of a service that is used up after ten answers, until tomorrow."""

    answered = 0

    async def call(self, request: sk.Request, sample: str) -> str:
        Used.answered += 1
        self.notice(sk.Quotas(sk.Quota(50, max(0, 10 - Used.answered), 86_400)))
        return '{"text": "fine"}'


def test_a_service_that_says_nothing_is_left_for_hours_is_not_waited_for(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry(), "provider", lambda name: Used)
    (project / "synthkit.toml").write_text('[models.m]\nuse = "used/m"\n')
    result = ask(20, concurrency=1)
    assert result.status == "partial" and "says that its limits are used up" in result.reason
    assert len(result.accepted) == 10 and not [line for line in result.rejected if line["kind"] == "failed"]


@pytest.mark.usefixtures("brisk")
@pytest.mark.parametrize("bad", [{3}, {3, 200}])
def test_texts_that_break_a_service_of_vectors_cost_their_records_only(
    serve: Serve, project: Path, bad: set[int]
) -> None:
    def answer(request: Any) -> Any:
        culprit = any(f"Text {number}." in request.inputs for number in bad)
        return Reply(error="server_error") if culprit else Reply(text="")

    server = serve(answer=answer)
    texts = sk.Pipeline("p") >> numbers(top=256) >> named >> Embed(column="text", model="m")
    result = texts.run(folder="run", max_failures="100%", concurrency=256)
    assert result.status == "complete", result.reason
    assert {line["fields"]["number"] for line in result.rejected if line["kind"] == "failed"} == bad
    assert server.count < 100 * len(bad)


@sk.step(reads="number", writes="text")
def named(record: sk.Record) -> dict[str, str]:
    return {"text": f"Text {record['number']}."}
