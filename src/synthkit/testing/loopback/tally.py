"""What a server has seen and done, counted."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from synthkit.testing.loopback.replies import Received

_HIDDEN = {"authorization", "proxy-authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie"}


class Tally:
    """The counts of one server. Only its loop writes; any thread may read."""

    def __init__(self, keep: bool) -> None:
        self._keep = keep
        self.requests: list[Received] = []
        self.headers: list[dict[str, str]] = []
        self.count = 0
        self.answered = 0
        self.asked_again = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self.left = 0
        self.by_fault: Counter[str] = Counter()
        self._seen: set[str] = set()
        self._paid: Counter[str] = Counter()

    def arrive(self, received: Received, headers: dict[str, str], digest: str) -> "Ticket":
        """A call is here, whole."""
        if self._keep:
            self.requests.append(received)
            self.headers.append(headers)
        self.count += 1
        self.asked_again += self._paid[digest] > 0
        self._seen.add(digest)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        return Ticket(self, digest)

    def pay(self, digest: str, times: int) -> None:
        """A usable answer to that body was sent; -1 time: it was not after all."""
        self.answered += times
        self._paid[digest] += times

    def stats(self) -> dict[str, Any]:
        """Everything but the requests, ready for JSON."""
        return {
            "count": self.count,
            "unique": len(self._seen),
            "answered": self.answered,
            "asked_again": self.asked_again,
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
            "left": self.left,
            "by_fault": dict(sorted(self.by_fault.items())),
        }


class Ticket:
    """One call under way."""

    __slots__ = ("_digest", "_sent", "_tally", "whole")

    def __init__(self, tally: Tally, digest: str) -> None:
        self._tally = tally
        self._digest = digest
        self._sent: bool | None = None
        self.whole = False  # whether its reply is a usable answer

    def over(self, sent: bool) -> None:
        """The reply was sent, or its client was gone. A late False takes True back: too little was read."""
        if self._sent is None:
            self._tally.in_flight -= 1
        elif self._sent and not sent and self.whole:
            self._tally.pay(self._digest, -1)
        self._sent = sent
        if sent and self.whole:
            self._tally.pay(self._digest, 1)
        self._tally.left += not sent


def hidden(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers without the values of those that carry keys."""
    return {name: "(hidden)" if name in _HIDDEN else value for name, value in headers.items()}
