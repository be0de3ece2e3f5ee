"""The most that a request can cost: known before it goes out, whatever tokenizer the service uses."""

from collections.abc import Mapping
from typing import Any

from synthkit.core.answer import Request
from synthkit.core.provider import Provider
from synthkit.core.values import canonical
from synthkit.errors import RecordError

IMAGE_TOKENS = 50_000
"""The most that an image counts for, with any model that is known: GPT-4o mini takes 2,833 tokens, and 5,667 for each
of up to 8 tiles (https://developers.openai.com/api/docs/guides/images-vision#calculating-costs)."""
TEXT_TOKENS = 8
"""Tokens that a model puts around a text before it makes a vector: mostly one in front and one behind."""
MESSAGE_TOKENS = 16
"""Tokens around a message, beside its JSON, which counts too: chat templates take 3 to 6, roles and names included."""
FRAME_TOKENS = 256
"""Tokens that a service puts around a conversation: the system prompts which templates of open models begin with where
none was given (gpt-oss has the longest of the known ones, with about 90), and the start of the answer."""
TOOL_TOKENS = 2_000
"""Tokens of the instructions that a service adds where tools or a schema go with a request: Anthropic tells of up to
530 (https://docs.anthropic.com/en/docs/tool-use-pricing-and-tokens); OpenAI does not tell."""
TEXTS = frozenset({"text", "refusal", "thinking", "redacted_thinking", "input_text", "output_text"})
"""Parts of messages that are no more than their own bytes."""


class Sizes:
    """Upper bounds of the tokens of requests to one model. A token stands for a byte at least; that is true of all
    tokenizers in use, but for those few that write out certain ligatures as several letters first."""

    def __init__(self, provider: Provider, model: str) -> None:
        self._provider, self._model = provider, model
        self._schemas: dict[str, int] = {}

    def input(self, request: Request) -> int:
        """Tokens of input, at most. Raises `RecordError` for what no bound is known of: files and recordings."""
        if request.inputs:
            return sum(_bytes(text) + TEXT_TOKENS for text in request.inputs)
        form, images = _without_images(request.form())
        schema = form.pop("schema", None)
        size = _bytes(canonical(form)) + IMAGE_TOKENS * images + FRAME_TOKENS + MESSAGE_TOKENS * len(form["messages"])
        if schema is not None:
            size += self._schema(schema)
        return size + (TOOL_TOKENS if schema is not None or request.tools else 0)

    def _schema(self, schema: Mapping[str, Any]) -> int:
        """The longer one of a schema as it was given, and as it goes out."""
        text = canonical(schema)
        size = self._schemas.get(text)
        if size is None:
            sent = canonical(self._provider.native(self._model, schema))
            size = self._schemas[text] = max(_bytes(text), _bytes(sent))
        return size


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _without_images(form: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """A request's form with its images taken out, and how many there are: what they cost has nothing to do with their
    bytes."""
    images, messages = 0, []
    for message in form["messages"]:
        parts = message.get("content")
        if isinstance(parts, list):
            kinds = [part.get("type") if isinstance(part, Mapping) else None for part in parts]
            if unknown := sorted({str(kind) for kind in kinds} - TEXTS - {"image_url"}):
                raise RecordError(
                    f"what a part {unknown[0]!r} of a message may cost is not known before it is asked: take it out, "
                    "or run without --budget",
                    reason="budget",
                )
            images += kinds.count("image_url")
            message = {
                **message, "content": [p for p, kind in zip(parts, kinds, strict=True) if kind != "image_url"],
            }  # fmt: skip
        messages.append(message)
    return {**form, "messages": messages}, images
