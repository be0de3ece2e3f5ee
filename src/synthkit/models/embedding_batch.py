"""Texts that are embedded together: how they fill a batch, how it is divided, and what is read from its answer."""

from dataclasses import dataclass, field

from synthkit.core.answer import Request, Vectors
from synthkit.errors import BrokenBody, CallError, FatalError, ServerError, TransientError
from synthkit.models import vectors
from synthkit.models.origin import Origin
from synthkit.models.service import Service

TEXTS, CHARACTERS = 256, 100_000
"""The most of one batch: services take some thousands of texts, but OpenAI no more than 300,000 tokens together."""


class Uneven(CallError):
    """A batch that did not come back one vector for one text: it is divided, since nobody knows whose is missing."""

    reason = "broken body"
    free = False


@dataclass(slots=True)
class Batch:
    """Texts that go out together. origin: who asked first. began, last: when its first and its last text came, in
    seconds of the loop's clock."""

    service: Service
    request: Request
    origin: Origin
    began: float
    last: float
    texts: list[str] = field(default_factory=list)
    size: int = 0

    def add(self, text: str, now: float) -> None:
        self.texts.append(text)
        self.size += len(text)
        self.last = now

    def full(self, most: int, more: int = 0) -> bool:
        """Whether a text of so many more characters does not fit any more."""
        return len(self.texts) >= most or self.size + more > CHARACTERS

    def whole(self) -> Request:
        return self.request.replaced(inputs=tuple(self.texts))

    def halves(self) -> "list[Batch]":
        at = (len(self.texts) + 1) // 2
        return [self._part(self.texts[:at]), self._part(self.texts[at:])]

    def singles(self) -> "list[Batch]":
        return [self._part([text]) for text in self.texts]

    def _part(self, texts: list[str]) -> "Batch":
        return Batch(self.service, self.request, self.origin, self.began, self.last, texts)


def divisible(error: Exception) -> bool:
    """Whether it may be one text, or their number, that is to blame."""
    if isinstance(error, TransientError):
        return isinstance(error, ServerError | BrokenBody)
    return isinstance(error, CallError) and not isinstance(error, FatalError)


def read(service: Service, request: Request, body: str) -> Vectors:
    """A vector for each text. Raises `BrokenBody`, or `Uneven` for a batch; and `FatalError` where the service makes
    vectors of another length than it was asked for."""
    name, several = service.model.ref, len(request.inputs) > 1
    try:
        found = service.provider.vectors(body)
        lengths = {len(vectors.checked(item)) for item in found.items}
    except BrokenBody as error:
        if several:
            raise Uneven(f"{name}: {error}") from error
        raise
    except CallError:
        raise
    except Exception as error:
        raise BrokenBody(f"{name}: the vectors cannot be read ({type(error).__name__})") from error
    if len(found.items) != len(request.inputs):
        said = f"{name} answered {len(request.inputs):,} texts with {len(found.items):,} vectors"
        raise (Uneven if several else BrokenBody)(said)
    wanted = request.options.get("dimensions")
    if wanted is not None and lengths != {wanted}:
        raise FatalError(
            f"{name} answered with vectors of {max(lengths):,} numbers, though dimensions={wanted} was asked for: it "
            "seems not to know that option, so leave it out"
        )
    return found
