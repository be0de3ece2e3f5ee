"""The adapter of the benchmark rig: the same workloads as its other adapters, through a synthkit pipeline.

Put it beside the rig's adapters (see README.md here). The journal, the ledger and the run folder are on: they are
what users run.
"""

import os
from pathlib import Path
from typing import Any

from benchbase import INSTR, JUDGE, RESP, count_jsonl, main, rating

NAME, VENV, IMPORT = "synthkit", "synthkit", "synthkit"
CLI = ["synthkit", "--help"]
ENV = {"OPENAI_API_KEY": "mock-key-for-the-bench"}

if __name__ in ("__main__", "__mp_main__"):
    import synthkit as sk
    from synthkit.generators import LoadRecords

    OPTIONS = {"max_tokens": 256, "temperature": 0.7}

    class Single(sk.Prompt):
        template = "{{ prompt }}"
        into = "response"

    class Instruction(sk.Prompt):
        template = INSTR.replace("{topic}", "{{ topic }}")
        into = "instruction"

    class Response(sk.Prompt):
        template = RESP.replace("{instruction}", "{{ instruction }}")
        into = "response"

    class Rating(sk.Prompt):
        template = JUDGE.replace("{instruction}", "{{ instruction }}").replace("{response}", "{{ response }}")
        into = "rating"

        def read(self, answer: sk.Answer, record: sk.Record) -> Any:
            return {"rating": rating(answer.text)}


def run(a: Any, *steps: Any) -> None:
    os.chdir(a.out)
    Path("synthkit.toml").write_text(f'[models.mock]\nuse = "openai/{a.model}"\nbase_url = "{a.base_url}"\n')
    pipeline = sk.Pipeline("bench") >> LoadRecords(path=a.input, limit=a.rows)
    for step in steps:
        pipeline = pipeline >> step(model="mock", options=OPTIONS)
    result = pipeline.run(folder="run", concurrency=a.concurrency)
    Path("out.jsonl").unlink(missing_ok=True)
    Path("out.jsonl").hardlink_to(result.folder / "accepted.jsonl")


if __name__ == "__main__":
    main(
        lambda a: run(a, Single),
        lambda a: run(a, Instruction, Response, Rating),
        lambda a: count_jsonl(str(Path(a.out) / "out.jsonl"), "rating" if a.kind == "judge" else "response"),
    )
