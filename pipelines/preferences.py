"""Preference pairs: two teachers answer each prompt, and a judge who sees both says which answer is better.

    synthkit run pipelines/preferences.py --export pairs.jsonl:dpo
    synthkit run pipelines/preferences.py --first openai/gpt-5 --second openai/gpt-5-nano --judge openai/gpt-5-mini

Two models of different strength make clear pairs; the same model twice makes close ones, and more of them are dropped.
"""

from pathlib import Path

import synthkit as sk
from synthkit.filters import ExactDedup
from synthkit.generators import LoadRecords
from synthkit.judges import Pairwise

PROMPTS = Path(__file__).with_name("prompts.jsonl")


class Answer(sk.Prompt):
    """A teacher's answer, and who gave it."""

    template = "{{ instruction }}"
    into = "answer"

    def written(self) -> tuple[str, str]:
        return "answer", "model"

    def read(self, answer: sk.Answer, record: sk.Record) -> sk.Fields | sk.Verdict:
        return {"answer": answer.text, "model": self.model} if answer.text.strip() else sk.drop("empty answer")


def pipeline(
    prompts: Path = PROMPTS,
    first: str = "demo/default",
    second: str = "demo/default",
    judge: str = "demo/default",
) -> sk.Pipeline:
    """A chosen and a rejected answer to each prompt."""
    return (
        sk.Pipeline("preferences")
        >> LoadRecords(prompts, columns={"instruction": "instruction"})
        >> ExactDedup("instruction")
        >> sk.Fork({"first": Answer(first), "second": Answer(second)}, into="answers")
        # Asked in both orders; a pair without a clear winner is dropped: «tie», «position bias», «same answer».
        >> Pairwise(judge)
    )
