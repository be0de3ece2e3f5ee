"""Providers: thin translators between canonical requests and a model service."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from synthkit.core.answer import Reply, Request, Usage, Vectors
from synthkit.errors import BadRequest, BrokenBody


@dataclass(frozen=True)
class Endpoint:
    """Where a provider finds its service. The key is kept out of `repr` and never leaves the process."""

    base_url: str | None = None
    key: str | None = field(default=None, repr=False)
    timeout: float = 120.0
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quota:
    """One limit of a service, as a reply tells it: how much it allows a minute, what is left of that, and in how many
    seconds it is whole again. None: not told."""

    most: float | None = None
    left: float | None = None
    whole_in: float | None = None

    def shared(self, width: float) -> "Quota":
        """A part of it. width: how large a part, up to 1."""
        if width == 1:
            return self
        most, left = (None if number is None else number * width for number in (self.most, self.left))
        return Quota(most, left, self.whole_in)


@dataclass(frozen=True, slots=True)
class Quotas:
    """What a reply tells of the limits of a model: requests, and tokens, together or input and output apart."""

    requests: Quota | None = None
    tokens: Quota | None = None
    input: Quota | None = None
    output: Quota | None = None


class Provider(ABC):
    """Speaks to one model service.

    `call` sends a request and returns the raw body of the response, which is journaled before anything reads it;
    `parse` reads a body, new or journaled, so that a better parser costs nothing. Retries, limits, deadlines and
    money are not a provider's business: it makes one attempt, and raises a `synthkit.errors.CallError`.

    Nothing is imported or opened before the first `call`: a provider that only parses needs no key.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset()
    """What it can do beyond a conversation: "structured" (native JSON schemas), "tools", "images", "completion" (raw
    text), "batch", "embeddings", of which `can` may leave out some for a model. Checked before a run against what
    components need."""
    options: ClassVar[frozenset[str]] = frozenset()
    """Sampling options that it takes, by their common names, of which `takes` may leave out some for a model."""
    embedding_options: ClassVar[frozenset[str]] = frozenset()
    """Options that it takes where it makes vectors: "dimensions", and "extra" for what only the service knows."""
    key_env: ClassVar[str | None] = None
    """The environment variable that holds the key; None where no key is needed."""
    needs_key: ClassVar[bool] = True
    """Whether the service at its own address wants a key. One at a `base_url` may do without."""
    variables: ClassVar[tuple[str, ...]] = ()
    """Further environment variables that it reads by itself, such as headers: a run takes them along to other machines,
    where they are then as they are here."""
    note: ClassVar[str] = ""
    """One sentence that every summary of a run with this provider shows."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.notice: Callable[[Quotas], None] = _unheard
        """To be told what each reply, good or bad, says of the service's limits. Whoever calls sets it."""

    @classmethod
    def problem(cls, model: str) -> str | None:
        """A sentence when this model name cannot be right, asked at check time; None otherwise."""
        return None

    def takes(self, model: str) -> frozenset[str]:
        """The sampling options that this model takes. What it does not take is refused before a run where the user set
        it, and dropped where a technique only wished for it."""
        return self.options

    def clashes(self, model: str, options: Mapping[str, Any]) -> frozenset[str]:
        """Those of `options`, all of which the model takes alone, that it does not take beside the others (or because
        one is missing): a temperature beside an effort of reasoning, say."""
        return frozenset()

    def can(self, model: str) -> frozenset[str]:
        """What this model can do, of `capabilities`."""
        return self.capabilities

    def unfit(self, model: str, schema: Mapping[str, Any]) -> str | None:
        """What in a JSON schema the service cannot promise natively, naming the field; None where it can. What it has
        other words for, `call` translates."""
        return None

    def native(self, model: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """A JSON schema as it goes out natively: what `call` makes of it. It may be longer than the given one, and is
        paid for. Asked of schemas that are fit."""
        return schema

    def objection(self, request: Request) -> str | None:
        """What of a request this model does not take, for a reason that `takes` and `unfit` do not know, as in «m takes
        reasoning_effort low or high, not 'huge'»; None where it is fine. It stops the run, so it is about options and
        tools: what is wrong with the messages of one record, `call` says. Asked before a run too, with a message that
        says nothing."""
        return None

    @abstractmethod
    async def call(self, request: Request, sample: str) -> str:
        """Makes one attempt and returns the raw body. Raises `OptionRefused` where the service does not take an option,
        which `takes` did not know; an error that came as a good reply has that as its `body`, where it may be billed.
        `sample` tells apart requests that are asked repeatedly; a real service is not told, a simulated one
        seeds its answer with it."""

    @abstractmethod
    def parse(self, body: str) -> Reply:
        """Reads a body. Raises `BrokenBody` where it is no answer, before it is ever accepted as one."""

    def took(self, body: str) -> Usage:
        """The tokens that a body tells of which is no answer, but may be billed; zeros where it tells none."""
        return Usage()

    async def embed(self, request: Request) -> str:
        """Asks for the vectors of `request.inputs`, as `call` asks for an answer: one attempt, its raw body. A provider
        that has "embeddings" among its capabilities has this and `vectors`."""
        raise BadRequest(f"{request.provider}/{request.model} makes no vectors: name a model that does")

    def vectors(self, body: str) -> Vectors:
        """Reads a body of `embed`. Raises `BrokenBody` where it holds no vectors."""
        raise BrokenBody(f"{type(self).__name__} makes no vectors, so it cannot read this body")

    async def close(self) -> None:
        """Closes connections."""
        return None


def _unheard(quotas: Quotas) -> None:
    """Nobody wants to know."""
