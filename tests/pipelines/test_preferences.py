"""pipelines/preferences.py: on the demo model, against odd answers, and killed on the way."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from pipeline_kit import PIPELINES, killed_and_replayed, rows, synthkit

from synthkit.engine import api, source
from synthkit.techniques.rouge import too_similar
from synthkit.testing import LoopbackServer, Reply, Request, demo


def test_the_shipped_prompts_are_110_that_differ() -> None:
    prompts = rows(PIPELINES / "prompts.jsonl")
    texts = [prompt["instruction"] for prompt in prompts]
    assert all(prompt.keys() == {"instruction"} and prompt["instruction"][-1] in ".?" for prompt in prompts)
    assert len(texts) == 110 and list(too_similar(texts, [], 0.7)) == [None] * 110


def test_the_command_line_makes_pairs(tmp_path: Path) -> None:
    options = ("--target", "50", "--export", "pairs.jsonl:dpo")
    done = synthkit(tmp_path, "run", PIPELINES / "preferences.py", *options)
    assert done.returncode == 0, done.stderr + done.stdout
    pairs = rows(tmp_path / "pairs.jsonl")
    assert len(pairs) == 50
    assert all(set(pair) == {"prompt", "chosen", "rejected"} and pair["chosen"] != pair["rejected"] for pair in pairs)
    accepted = rows(tmp_path / "runs" / "preferences-001" / "accepted.jsonl")
    for record in accepted:
        texts = [answer["answer"] for answer in record["answers"]]
        assert sorted([record["chosen"], record["rejected"]]) == sorted(texts)
        assert record["chosen_model"] == record["rejected_model"] == "demo/default" and record["score"] == 1.0
    assert 10 < sum(record["chosen"] == record["answers"][0]["answer"] for record in accepted) < 40
    dropped = {row["reason"] for row in rows(tmp_path / "runs" / "preferences-001" / "rejected.jsonl")}
    assert {"tie", "position bias"} <= dropped


def teach(request: Request) -> str | Reply:
    """A teacher whose answers tell whose they are, and are odd for some prompts."""
    number = len(request.prompt)
    if number % 13 == 0:
        return [Reply(refusal="No."), "", Reply(text="Cut o", finish_reason="length")][number // 13 % 3]
    return f"{request.model} says: {request.prompt[::-1]}"


def judge(request: Request) -> str | Reply:
    """A judge who likes the strong teacher, now and then whoever comes first, and now and then no JSON."""
    number = len(str(request.body["messages"][0])) % 7
    if number == 0:
        return "first is nicer"
    first = request.prompt.split("[first answer ")[1].split("\n")[1]
    winner = "first" if first.startswith("strong") or number == 1 else "second"
    return json.dumps({"rationale": "It is.", "winner": winner})


def test_which_model_won_is_told_and_odd_answers_cost_their_prompt(
    serve: Callable[..., LoopbackServer], project: Path
) -> None:
    serve("strong", "weak", answer=teach)
    serve("judge", answer=judge)
    loaded = source.load(PIPELINES / "preferences.py")
    pipeline = loaded.pipeline({"first": "weak", "second": "strong", "judge": "judge"})
    result = api.run(pipeline, folder=project / "run", file=loaded, max_failures=1.0)
    assert {(r["chosen_model"], r["rejected_model"]) for r in result.accepted} == {("strong", "weak")}
    assert all(record["chosen"].startswith("strong says: ") for record in result.accepted)
    reasons = Counter((row["kind"], row["step"], row["reason"]) for row in result.rejected if row["kind"] != "attempt")
    assert reasons["dropped", "pairwise", "position bias"] and reasons["failed", "pairwise", "unfit answer"]
    inner = {(row["step"], row["reason"]) for row in result.rejected if row["kind"] == "attempt"}
    assert {("fork/first/answer", "refused"), ("fork/second/answer", "empty answer")} <= inner
    assert len(result.accepted) + sum(reasons.values()) == 110


def test_it_is_killed_and_goes_on(serve: Callable[..., LoopbackServer], project: Path) -> None:
    server = serve("a", "b", answer=demo, latency=(0.0, 0.01))
    models = ("--first", "a", "--second", "b", "--judge", "a")
    result = killed_and_replayed(project, server, "preferences", 90, *models, "--target", "40")
    assert len(result.accepted) == 40
    assert {frozenset((r["chosen_model"], r["rejected_model"])) for r in result.accepted} == {frozenset("ab")}
