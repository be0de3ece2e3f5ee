"""pipelines/classification.py: on the demo model, against odd answers, and killed on the way."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

from pipeline_kit import PIPELINES, killed_and_replayed, rows, synthkit

from synthkit.engine import api, source
from synthkit.testing import LoopbackServer, Reply, Request, demo

LABELS = ("refund", "delivery", "technical problem", "account")


def test_the_command_line_makes_as_many_of_each_label(tmp_path: Path) -> None:
    options = ("--target", "50", "--export", "train.jsonl:alpaca")
    done = synthkit(tmp_path, "run", PIPELINES / "classification.py", *options)
    assert done.returncode == 0, done.stderr + done.stdout
    examples = rows(tmp_path / "train.jsonl")
    assert Counter(example["output"] for example in examples) == dict(zip(LABELS, (13, 13, 12, 12), strict=True))
    assert all(example["instruction"].endswith(f"Answer with one of: {', '.join(LABELS)}.") for example in examples)
    assert len({example["input"] for example in examples}) == 50
    accepted = rows(tmp_path / "runs" / "classification-001" / "accepted.jsonl")
    assert all(record["label"] == record["output"] and record["text"] == record["input"] for record in accepted)
    assert len({(record["tone"], record["length"], record["difficulty"]) for record in accepted}) > 6
    rejected = rows(tmp_path / "runs" / "classification-001" / "rejected.jsonl")
    assert {"another label", "enough of its value"} <= {row["reason"] for row in rejected}


def odd(request: Request) -> str | Reply:
    """Writes and labels texts, one in nine answers being odd in one of several ways."""
    asked = str(request.body["messages"][0])
    way = crc32(asked.encode()) % 9
    if way == 0:
        ways = [Reply(refusal="I cannot."), "{", "", Reply(text='{"te', finish_reason="length")]
        return ways[len(asked) % 4]
    if "different texts" in asked:
        label = asked.split("the label «")[1].split("»")[0]
        return json.dumps({"texts": [f"About my {label}: case {request.digest[n : n + 9]} is open." for n in range(5)]})
    right = next(label for label in LABELS if f"my {label}:" in asked)
    return json.dumps({"rationale": "Plain.", "label": "refund" if way == 1 else right})


def test_odd_answers_cost_records_and_no_balance(serve: Callable[..., LoopbackServer], project: Path) -> None:
    serve(answer=odd)
    loaded = source.load(PIPELINES / "classification.py")
    pipeline = loaded.pipeline({"model": "m", "verifier": "m"})
    result = api.run(pipeline, folder=project / "run", file=loaded, target=120)
    assert result.status == "complete", result.reason
    assert Counter(record["label"] for record in result.accepted) == dict.fromkeys(LABELS, 30)
    reasons = Counter((row["kind"], row["reason"]) for row in result.rejected)
    assert reasons["dropped", "another label"] and reasons["failed", "unfit answer"] and reasons["failed", "cut off"]
    assert reasons["dropped", "refused"] or reasons["failed", "refused"]


def test_it_is_killed_and_goes_on(serve: Callable[..., LoopbackServer], project: Path) -> None:
    server = serve(answer=demo, latency=(0.0, 0.01))
    result = killed_and_replayed(
        project, server, "classification", 40, "--model", "m", "--verifier", "m", "--target", "40"
    )
    assert Counter(record["label"] for record in result.accepted) == dict.fromkeys(LABELS, 10)
