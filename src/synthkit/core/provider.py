"""Providers: thin translators between canonical requests and a model service."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from synthkit.core.answer import Reply, Request


@dataclass(frozen=True)
class Endpoint:
    """Where a provider finds its service. The key is kept out of `repr` and never leaves the process."""

    base_url: str | None = None
    key: str | None = field(default=None, repr=False)
    timeout: float = 120.0
    settings: Mapping[str, Any] = field(default_factory=dict)


class Provider(ABC):
    """Speaks to one model service.

    `call` sends a request and returns the raw body of the response, which is journaled before anything reads it;
    `parse` reads a body, new or journaled, so that a better parser costs nothing. Retries, limits, deadlines and
    money are not a provider's business: it makes one attempt, and raises a `synthkit.errors.CallError`.

    Nothing is imported or opened before the first `call`: a provider that only parses needs no key.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset()
    """What it can do beyond a conversation: "structured" (native JSON schemas), "logprobs", "n", "completion" (raw
    text), "batch", "embeddings". Checked before a run against what components require."""
    options: ClassVar[frozenset[str]] = frozenset()
    """Sampling options that it takes, by their common names."""
    key_env: ClassVar[str | None] = None
    """The environment variable that holds the key; None where no key is needed."""
    needs_key: ClassVar[bool] = True
    """Whether the service at its own address wants a key. One at a `base_url` may do without."""
    note: ClassVar[str] = ""
    """One sentence that every summary of a run with this provider shows."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    @classmethod
    def problem(cls, model: str) -> str | None:
        """A sentence when this model name cannot be right, asked at check time; None otherwise."""
        return None

    @abstractmethod
    async def call(self, request: Request, sample: str) -> str:
        """Makes one attempt and returns the raw body. `sample` tells apart requests that are asked repeatedly;
        a real service is not told, a simulated one seeds its answer with it."""

    @abstractmethod
    def parse(self, body: str) -> Reply:
        """Reads a body. Raises `BrokenBody` where it is no answer, before it is ever accepted as one."""

    async def close(self) -> None:
        """Closes connections."""
        return None
