"""A provider that needs no service: it answers with what it was asked."""

from typing import Any

from pydantic import BaseModel, ValidationError

from synthkit import Provider, Reply, Request, Usage
from synthkit.errors import BrokenBody

MODELS = ("same", "reversed")


class Body(BaseModel):
    """What the service sends, were there one."""

    model: str
    answer: str
    words: int


class Echo(Provider):
    """`echo/same` answers with the text of the last message, `echo/reversed` with its words in reverse order."""

    needs_key = False
    note = "Answers of the echo provider are copies of the questions."

    @classmethod
    def problem(cls, model: str) -> str | None:
        if model in MODELS:
            return None
        return f"the echo provider has no model {model!r}: its models are {' and '.join(MODELS)}"

    async def call(self, request: Request, sample: str) -> str:
        """A real provider makes its request here, returns the body as it came, and raises a `CallError`."""
        asked = _text(request.messages[-1]["content"])
        words = asked.split()
        answer = asked if request.model == "same" else " ".join(reversed(words))
        return Body(model=request.model, answer=answer, words=len(words)).model_dump_json()

    def parse(self, body: str) -> Reply:
        try:
            read = Body.model_validate_json(body)
        except ValidationError as error:
            raise BrokenBody(f"the echo provider cannot read the body {body[:80]!r}: ask again") from error
        return Reply(read.answer, Usage(input=read.words, output=read.words), model=read.model)


def _text(content: Any) -> str:
    """The text of a message: its content, or the texts among its parts."""
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part.get("type") == "text")
