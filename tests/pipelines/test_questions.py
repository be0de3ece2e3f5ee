"""pipelines/questions.py: on the demo model, against odd answers, and killed on the way."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

from pipeline_kit import PIPELINES, killed_and_replayed, rows, synthkit

from synthkit.engine import api, source
from synthkit.testing import LoopbackServer, Reply, Request, demo

DOCUMENTS = PIPELINES / "documents"


def text(name: str) -> str:
    return (DOCUMENTS / name).read_text(encoding="utf-8")


def test_the_command_line_makes_questions_with_their_sources(tmp_path: Path) -> None:
    options = ("--target", "50", "--export", "train.jsonl:alpaca")
    done = synthkit(tmp_path, "run", PIPELINES / "questions.py", *options)
    assert done.returncode == 0, done.stderr + done.stdout
    run = tmp_path / "runs" / "questions-001"
    accepted = rows(run / "accepted.jsonl")
    assert len(accepted) == 50 == len({record["question"] for record in accepted})
    for record in accepted:
        whole = text(record["document"])
        assert whole[record["start"] : record["end"]] == record["text"]
        assert whole[record["quote_start"] : record["quote_end"]] == record["quote"]
        assert record["quote"] in record["text"] and record["score"] >= 4
    assert [(example["instruction"], example["output"]) for example in rows(tmp_path / "train.jsonl")] == [
        (record["question"], record["answer"]) for record in accepted
    ]
    reasons = Counter(row["reason"] for row in rows(run / "rejected.jsonl"))
    assert reasons["quote not in the passage"] and reasons["score too low"] and reasons["near-duplicate"]


def test_the_documents_are_plain_texts_of_some_length() -> None:
    documents = sorted(path.name for path in DOCUMENTS.iterdir())
    assert len(documents) == 8 and {Path(name).suffix for name in documents} == {".txt", ".md"}
    assert all(400 < len(text(name).split()) < 600 for name in documents)


def odd(request: Request) -> str | Reply:
    """Asks and judges, and is odd by what is asked."""
    asked = str(request.body["messages"][0]["content"])
    way = crc32(asked.encode()) % 8
    if way == 0:
        return [Reply(refusal="No."), "", "{", Reply(text='{"questions": [', finish_reason="length")][len(asked) % 4]
    if "rationale" in (request.schema or {})["properties"]:
        return json.dumps({"rationale": "Fine.", "score": 2 if way == 1 else 5})
    passage = asked.split("[passage ")[1].split("\n", 1)[1].split("\n[end of passage")[0]
    sentence = passage.strip().split(". ")[0]
    made = [
        {"quote": sentence.upper(), "question": f"What of «{sentence[:60]}»?", "answer": sentence},
        {"quote": "Nothing of the kind stands there.", "question": f"Why {sentence[:50]}?", "answer": "Because."},
    ]
    return json.dumps({"questions": [] if way == 2 else made})


def test_odd_answers_cost_their_passage_or_question(serve: Callable[..., LoopbackServer], project: Path) -> None:
    serve(answer=odd)
    loaded = source.load(PIPELINES / "questions.py")
    pipeline = loaded.pipeline({"model": "m", "judge": "m", "words": 60})
    result = api.run(pipeline, folder=project / "run", file=loaded, max_failures=1.0)
    assert result.status == "complete" and len(result.accepted) > 20
    assert all(record["quote"] in text(record["document"]) for record in result.accepted)
    seen = Counter((row["kind"], row["step"], row["reason"]) for row in result.rejected)
    assert seen["dropped", "passage-questions/ask", "no questions"]
    assert seen["dropped", "passage-questions/quoted", "quote not in the passage"] > 20
    assert seen["dropped", "rubric/at-least", "score too low"]
    assert sum(count for (kind, _, _), count in seen.items() if kind == "failed") > 2


def test_it_is_killed_and_goes_on_without_its_documents(serve: Callable[..., LoopbackServer], project: Path) -> None:
    server = serve(answer=demo, latency=(0.0, 0.01))
    result = killed_and_replayed(project, server, "questions", 40, "--model", "m", "--judge", "m", "--target", "50")
    assert len(result.accepted) == 50
    kept = {path.name.partition("-")[2] for path in (project / "run" / "inputs").iterdir()}
    assert kept == {path.name for path in DOCUMENTS.iterdir()}
