"""Embed: vectors of texts, as a column."""

from typing import Any

from pydantic import Field

from synthkit.core import IO, Context, EmbedderName, Fields, Have, Record, Step
from synthkit.errors import PipelineError, RecordError


class Embed(Step):
    """Makes a vector of a column's text: `Embed("question", model="openai/text-embedding-3-small")`.

    A vector is a list of numbers; texts that mean nearly the same have vectors that point nearly the same way. Where
    the column holds a list of texts, a list of vectors is made. Texts of many records go out together, up to 256 in one
    request; each is journaled by itself, and the same text is asked for once. A record whose text is empty, or too long
    for the model, fails; the others of its request do not.

    column: with the text. model: an embedding model. into: the column for the vector. dimensions: the length of the
    vector, where the model lets one choose; its own length if nothing is said. options: what else the service knows,
    as in `options={"extra": {"input_type": "query"}}`.

    Example:
        (
            Pipeline("example")
            >> Rows([{"text": "The sea is blue."}, {"text": "The sea was blue."}])
            >> Embed("text", model="demo/default")
        )
    """

    column: str
    model: EmbedderName
    into: str = "embedding"
    dimensions: int | None = Field(None, ge=1)
    options: dict[str, Any] = {}

    def __init__(self, column: str, **parameters: Any) -> None:
        super().__init__(column=column, **parameters)

    def io(self, have: Have) -> IO:
        if self.into == self.column:
            raise PipelineError(f"it would write its vectors over the texts in {self.into!r}: give another `into`")
        return IO.of(self.column, self.into)

    async def process(self, record: Record, ctx: Context) -> Fields:
        texts = record[self.column]
        if not isinstance(texts, str | list | tuple):
            raise RecordError(f"{self.column} is no text and no list of texts, so it has no vector", reason="text")
        asked = texts if isinstance(texts, str) else list(texts)
        return {self.into: await ctx.embed(self.model, asked, dimensions=self.dimensions, **self.options)}
