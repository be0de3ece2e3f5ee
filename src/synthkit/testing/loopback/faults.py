"""Faults by script: a share of the requests, or the first few."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeAlias

from synthkit.testing.loopback.replies import Reply, Request
from synthkit.testing.loopback.words import chance

Fault: TypeAlias = Callable[[Request, Callable[[Request], Reply]], Reply]
"""Gets the request and the normal way to answer it; calls that way, or does not, and returns the reply."""

PAGE = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Shares of the requests that fail, chosen by the request's number: the same numbers on each run of one seed.

    The handler is asked for what is bent on its way (cut, close_early, hang), not for what fails in its place.
    """

    rate_limit: float = 0.0  # 429 with Retry-After
    server_error: float = 0.0  # 500
    overloaded: float = 0.0  # 503 or 529, in turn
    reset: float = 0.0  # TCP reset
    close_early: float = 0.0  # hangs up in the middle of the body
    cut: float = 0.0  # half a JSON document in a complete HTTP reply
    html: float = 0.0  # a proxy's page, status 200
    empty: float = 0.0  # no body, status 200
    hang: tuple[float, float] = (0.0, 30.0)  # share; seconds of silence, then the answer
    retry_after: float = 1.0  # seconds that a 429 asks for
    seed: int = 0

    def __post_init__(self) -> None:
        shares = [self._share(name) for name in _NAMES]
        if min(shares) < 0 or sum(shares) > 1 + 1e-9:
            raise ValueError(f"the shares of faults add up to {sum(shares):g}: give shares of 0 to 1, 1 in all")

    @classmethod
    def mixed(cls, seed: int = 0) -> "Faults":
        """What a bad day looks like: one request in nine fails or hangs for a second, in each way there is."""
        return cls(
            rate_limit=0.04,
            server_error=0.01,
            overloaded=0.01,
            reset=0.01,
            close_early=0.01,
            cut=0.01,
            html=0.005,
            empty=0.005,
            hang=(0.01, 1.0),
            retry_after=0.05,
            seed=seed,
        )

    @classmethod
    def parse(cls, text: str) -> "Faults | None":
        """Reads `none`, `mixed` or `rate_limit=0.05,hang=0.01:30,seed=7`. ValueError names what is wrong."""
        if text in ("", "none"):
            return None
        if text == "mixed":
            return cls.mixed()
        given: dict[str, float | int | tuple[float, float]] = {}
        known = [field.name for field in fields(cls)]
        for part in text.split(","):
            name, _, value = part.strip().partition("=")
            if name not in known:
                raise ValueError(f"no fault is called {name!r}: take `none`, `mixed` or some of {', '.join(known)}")
            try:
                share, _, seconds = value.partition(":")
                if name == "hang":
                    given[name] = (float(share), float(seconds or 30))
                else:
                    given[name] = int(value) if name == "seed" else float(value)
            except ValueError:
                raise ValueError(f"{value!r} is no value for the fault {name}: give a number") from None
        return cls(**given)  # type: ignore[arg-type]

    def kind(self, number: int) -> str:
        """Which fault hits the request of that number; "" for none."""
        drawn = chance(self.seed, "fault", number)
        for name in _NAMES:
            drawn -= self._share(name)
            if drawn < 0:
                return name
        return ""

    def __call__(self, request: Request, answer: Callable[[Request], Reply]) -> Reply:
        match self.kind(request.number):
            case "rate_limit":
                error = "rate_limit_exceeded"
                return Reply(error=error, retry_after=self.retry_after, fault="rate_limit")
            case "server_error":
                return Reply(error="server_error", fault="server_error")
            case "overloaded":
                error = "overloaded" if request.number % 2 else "service_unavailable"
                return Reply(error=error, fault="overloaded")
            case "reset":
                return Reply(reset=True, fault="reset")
            case "html":
                return Reply(html=PAGE, fault="html")
            case "empty":
                return Reply(raw=b"", fault="empty")
            case "cut":
                return replace(answer(request), cut=0.55, fault="cut")
            case "close_early":
                return replace(answer(request), close_early=True, fault="close_early")
            case "hang":
                return replace(answer(request), hang=self.hang[1], fault="hang")
        return answer(request)

    def _share(self, name: str) -> float:
        return self.hang[0] if name == "hang" else float(getattr(self, name))


_NAMES = ("rate_limit", "server_error", "overloaded", "reset", "close_early", "cut", "html", "empty", "hang")


class Script:
    """Fixed replies for the first requests, in order of arrival, then normal ones. None in the list: a normal one."""

    def __init__(self, replies: Sequence[str | Reply | None]) -> None:
        self._replies = tuple(Reply(text=r) if isinstance(r, str) else r for r in replies)

    def __call__(self, request: Request, answer: Callable[[Request], Reply]) -> Reply:
        reply = self._replies[request.number] if request.number < len(self._replies) else None
        if reply is None:
            return answer(request)
        return reply if reply.fault else replace(reply, fault="script")
