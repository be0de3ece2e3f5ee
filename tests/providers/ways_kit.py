"""What the tests of the two ways to a service share: beneath the SDK, and through it."""

from collections.abc import Mapping
from typing import Any

from anthropic_kit import MODEL

from synthkit.core import Provider, Request
from synthkit.errors import CallError
from synthkit.providers.anthropic import Anthropic
from synthkit.providers.openai import OpenAI
from synthkit.providers.openai_responses import OpenAIResponses

PROVIDERS: Mapping[str, type[Provider]] = {
    "openai": OpenAI,
    "openai-responses": OpenAIResponses,
    "anthropic": Anthropic,
}
KEY = "sk-proj-abcdefghijklmnop1234"
WAYS: Mapping[str, Mapping[str, str]] = {"Wire": {}, "_Sdk": {"transport": "sdk"}}


def asked(api: str, content: Any = "Say hello.", **more: Any) -> Request:
    more.setdefault("options", {"max_tokens": 100})
    return Request(api, MODEL if api == "anthropic" else "gpt-4.1", [{"role": "user", "content": content}], **more)


async def called(made: Provider, request: Request, way: str) -> str | CallError:
    """What a call ends with. Checks that it went the way that it should."""
    try:
        return await made.call(request, "0")
    except CallError as error:
        return error
    finally:
        assert type(made._client._way).__name__ == way  # type: ignore[attr-defined]
        await made.close()
