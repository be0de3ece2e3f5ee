"""The embedded demo model: no key, no network, no knowledge. It shows what a pipeline does, before one pays for it.

It sees messages and schema, works out what is wanted of their form alone, and writes it from a grammar; it goes wrong
at stated rates (`rates`), so that filters have something to do.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from synthkit.core.answer import Finish, Reply, Request, ToolCall, Usage, Vectors, called
from synthkit.core.provider import Endpoint, Provider
from synthkit.errors import BrokenBody, ConfigError
from synthkit.providers.demo.rates import LATENCY

if TYPE_CHECKING:
    from synthkit.providers.demo.reply import Said

MODELS = ("default", "slow")
_BYTES = 4
"""How many bytes count as a token."""


class Demo(Provider):
    """Answers at once from a grammar, the same to the same request and sample; `demo/slow` takes its time.

    Settings: `latency`, seconds or a pair of least and most, for `demo/slow`.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset({"structured", "tools", "embeddings"})
    options: ClassVar[frozenset[str]] = frozenset(
        {"temperature", "top_p", "max_tokens", "stop", "presence_penalty", "frequency_penalty"}
    )
    embedding_options: ClassVar[frozenset[str]] = frozenset({"dimensions"})
    needs_key: ClassVar[bool] = False
    note: ClassVar[str] = (
        "Its text was made by the demo model, which puts sentences together by dice: not for training."
    )

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        self._latency = _latency(endpoint.settings.get("latency", LATENCY))

    @classmethod
    def problem(cls, model: str) -> str | None:
        if model in MODELS:
            return None
        return f"unknown model 'demo/{model}': there are {' and '.join(f'demo/{name}' for name in MODELS)}"

    async def call(self, request: Request, sample: str) -> str:
        from synthkit.providers.demo.dice import Dice

        if request.model == "slow":
            low, high = self._latency
            await asyncio.sleep(low + (high - low) * Dice.of("latency", sample, _asked(request)).random())
        return self._write(request, sample)

    async def embed(self, request: Request) -> str:
        from synthkit.providers.demo.vectors import body

        if request.model == "slow":
            await asyncio.sleep(self._latency[0])
        return body(request)

    def vectors(self, body: str) -> Vectors:
        try:
            data = json.loads(body)
            items = [item["embedding"] for item in data["data"]]
            return Vectors(items, Usage(data["usage"]["prompt_tokens"]), data["model"])
        except (ValueError, LookupError, TypeError) as error:
            raise BrokenBody(f"these are no vectors of the demo model: {body[:80]!r}") from error

    def answer(self, request: Request, sample: str) -> Reply:
        """The answer at once, for a server that speaks with this model's voice."""
        return self.parse(self._write(request, sample))

    def _write(self, request: Request, sample: str) -> str:
        from synthkit.providers.demo.dice import Dice
        from synthkit.providers.demo.reply import reply

        asked = _asked(request)
        dice = Dice.of(sample, asked)
        identity = f"demo-{dice.getrandbits(64):016x}"
        return _body(request, reply(request, dice), identity, asked)

    def parse(self, body: str) -> Reply:
        try:
            data = json.loads(body)
            choice, usage = data["choices"][0], data["usage"]
            message = choice["message"]
            return Reply(
                text=message["content"] or "",
                usage=Usage(usage["prompt_tokens"], usage["completion_tokens"]),
                finish=_finish(choice["finish_reason"]),
                refusal=message.get("refusal") or "",
                model=data["model"],
                tool_calls=[
                    ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])
                    for call in message.get("tool_calls", ())
                ],
            )
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise BrokenBody(f"this is no answer of the demo model: {body[:80]!r}") from error


def _asked(request: Request) -> str:
    """What seeds the dice: both models say the same, so the name is left out."""
    return request.replaced(model=MODELS[0]).canonical


def _finish(name: str) -> Finish:
    return cast(Finish, name) if name in ("length", "tool_calls") else "stop"


def _latency(value: Any) -> tuple[float, float]:
    low, high = (
        value if isinstance(value, Sequence) and len(value) == 2 and not isinstance(value, str) else (value, value)
    )
    if all(isinstance(part, int | float) and not isinstance(part, bool) for part in (low, high)) and 0 <= low <= high:
        return float(low), float(high)
    raise ConfigError(
        f"demo: the setting latency is {value!r}: give seconds, or a pair of least and most such as [0.02, 0.4]"
    )


def _body(request: Request, said: "Said", identity: str, asked: str) -> str:
    """The body of an OpenAI chat completion, so that journals look alike whoever answered."""
    text, finish = _limited(_stopped(said.text, request.options.get("stop")), request.options.get("max_tokens"))
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": said.refusal or None}
    if said.refusal or said.calls:
        message["content"] = None
    if said.calls:
        finish = "tool_calls"
        message["tool_calls"] = called(
            [ToolCall(f"call_{identity[5:]}_{n}", name, given) for n, (name, given) in enumerate(said.calls)]
        )
    said_all = "".join([said.refusal or text, *(name + given for name, given in said.calls)])
    read, written = _tokens(asked), _tokens(said_all)
    return json.dumps(
        {
            "id": identity,
            "object": "chat.completion",
            "created": 0,
            "model": request.model,
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
        },
        ensure_ascii=False,
    )


def _tokens(text: str) -> int:
    return -(-len(text.encode("utf-8", "surrogatepass")) // _BYTES)


def _stopped(text: str, stop: Any) -> str:
    marks = [stop] if isinstance(stop, str) else stop if isinstance(stop, Sequence) else ()
    places = [text.find(mark) for mark in marks if isinstance(mark, str) and mark]
    return text[: min((place for place in places if place >= 0), default=len(text))]


def _limited(text: str, limit: Any) -> tuple[str, Finish]:
    """The text within a limit of tokens, and how it ended."""
    if not isinstance(limit, int) or _tokens(text) <= limit:
        return text, "stop"
    raw = text.encode("utf-8", "surrogatepass")[: max(0, limit) * _BYTES]
    return raw.decode("utf-8", "ignore"), "length"
