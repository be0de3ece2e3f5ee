"""pipelines/evolved.py: on the demo model, against odd answers, and killed on the way."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

from pipeline_kit import PIPELINES, killed_and_replayed, rows, synthkit

from synthkit.engine import api, source
from synthkit.techniques.rouge import rouge_l
from synthkit.testing import LoopbackServer, Reply, Request, demo


def test_the_command_line_makes_harder_instructions(tmp_path: Path) -> None:
    options = ("--target", "50", "--export", "train.jsonl:sharegpt")
    done = synthkit(tmp_path, "run", PIPELINES / "evolved.py", *options)
    assert done.returncode == 0, done.stderr + done.stdout
    assert len(rows(tmp_path / "train.jsonl")) == 50
    run = tmp_path / "runs" / "evolved-001"
    accepted = rows(run / "accepted.jsonl")
    assert all(rouge_l(record["instruction"], record["parent"]) <= 0.7 for record in accepted)
    assert all(record["output"].strip() and record["score"] >= 4 for record in accepted)
    assert set(Counter(record["generation"] for record in accepted)) == {1, 2, 3}
    assert len({record["operation"] for record in accepted}) == 5
    seeds = {prompt["instruction"] for prompt in rows(PIPELINES / "prompts.jsonl")}
    assert not seeds & {record["instruction"] for record in accepted}
    assert all((record["parent"] in seeds) <= (record["generation"] >= 1) for record in accepted)
    assert any(record["parent"] not in seeds for record in accepted)
    attempts = Counter(row["reason"] for row in rows(run / "rejected.jsonl") if row["kind"] == "attempt")
    assert attempts["too like its parent"] > 2


def odd(request: Request) -> str | Reply:
    """Rewrites, responds and judges, and is odd by what is asked."""
    first = str(request.body["messages"][0]["content"])
    way = crc32(first.encode()) % 8
    if request.schema is None:
        said = ["I'm sorry, I cannot.", "", "It is.", Reply(refusal="No."), Reply(text="Cut", finish_reason="length")]
        return said[way] if way < len(said) else f"A full answer, number {request.digest[:9]}."
    if "rationale" in request.schema["properties"]:
        return json.dumps({"rationale": "Fine.", "score": 5}) if way else "five"
    parent = first.split("Instruction:\n")[1].split("\n\nWrite the new")[0]
    made = [parent, "The rewritten instruction is this.", " ".join(request.digest[n : n + 4] for n in range(0, 32, 4))]
    return json.dumps({"instruction": made[min(way, 2)]}) if way < 7 else '{"instruction": ""}'


def test_odd_answers_are_eliminated(serve: Callable[..., LoopbackServer], project: Path) -> None:
    serve(answer=odd)
    loaded = source.load(PIPELINES / "evolved.py")
    pipeline = loaded.pipeline({"model": "m", "judge": "m"})
    result = api.run(pipeline, folder=project / "run", file=loaded, max_failures=1.0)
    assert result.status == "complete" and len(result.accepted) > 20
    assert all(record["output"].startswith("A full answer") for record in result.accepted)
    seen = {(row["kind"], row["step"].rpartition("/")[2], row["reason"]) for row in result.rejected}
    assert seen >= {
        ("attempt", "evolved", "too like its parent"),
        ("attempt", "evolved", "copied the prompt"),
        ("attempt", "rewrite", "unfit answer"),
        ("dropped", "respond", "empty answer"),
        ("dropped", "respond", "refused"),
        ("dropped", "responded", "sorry"),
        ("dropped", "responded", "says nothing"),
        ("failed", "rubric", "unfit answer"),
    }


def test_it_is_killed_and_goes_on(serve: Callable[..., LoopbackServer], project: Path) -> None:
    server = serve(answer=demo, latency=(0.0, 0.01))
    options = ("--model", "m", "--judge", "m", "--target", "40", "--generations", "2")
    result = killed_and_replayed(project, server, "evolved", 80, *options)
    assert len(result.accepted) == 40 and {record["generation"] for record in result.accepted} == {1, 2}
