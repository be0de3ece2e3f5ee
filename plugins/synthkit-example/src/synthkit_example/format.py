"""A training format: question and answer in one text."""

from collections.abc import Mapping
from typing import Any

from synthkit import IO, Format, Have
from synthkit.errors import RecordError

FRONT = "Q: "
BETWEEN = "\nA: "


class QAText(Format):
    """`{"text": "Q: …\\nA: …"}`, from the columns `question` and `answer`."""

    def io(self, have: Have) -> IO:
        return IO.of(reads={"question": str, "answer": str})

    def encode(self, record: Mapping[str, Any]) -> dict[str, Any]:
        question, answer = record["question"], record["answer"]
        if not question.strip() or not answer.strip():
            raise RecordError("question or answer is empty: drop such records before the export", reason="empty")
        if BETWEEN in question:
            raise RecordError(f"the question holds {BETWEEN!r}, which starts the answer: reword it", reason="ambiguous")
        return {"text": f"{FRONT}{question}{BETWEEN}{answer}"}

    def decode(self, example: Mapping[str, Any]) -> dict[str, Any]:
        question, between, answer = str(example.get("text", "")).partition(BETWEEN)
        if not question.startswith(FRONT) or not between:
            raise RecordError(
                f"{example!r} has no text of the form {FRONT + '…' + BETWEEN + '…'!r}", reason="not qa-text"
            )
        return {"question": question.removeprefix(FRONT), "answer": answer}
