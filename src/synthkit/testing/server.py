"""The loopback server as a process of its own: `python -m synthkit.testing.server --help`.

Prints its URL on one line, serves until SIGTERM or SIGINT. `GET /stats` gives the counts, `GET /requests` the bodies.
"""

import argparse
import importlib
import signal
import sys
import threading
from collections.abc import Sequence

from synthkit.errors import ConfigError, UsageError
from synthkit.testing.loopback.answers import demo, fresh, steady
from synthkit.testing.loopback.faults import Faults
from synthkit.testing.loopback.replies import Answer
from synthkit.testing.loopback.server import LoopbackServer

__all__ = ["LoopbackServer", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    options = _parser().parse_args(arguments)
    ended = threading.Event()
    try:
        server = LoopbackServer(
            _answers(options.answers),
            latency=_latency(options.latency),
            faults=_faults(options.faults),
            key=options.key,
            models=options.models.split(",") if options.models else None,
            seed=options.seed,
            keep=not options.forget,
            port=options.port,
        )
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda number, frame: ended.set())
        server.start()
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    ended.wait()
    server.stop()
    for problem in server.problems[:1]:
        sys.stderr.write(f"The answer handler failed: {type(problem).__name__}: {problem}\n")
    return 1 if server.problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m synthkit.testing.server",
        description="A model service on this machine that speaks OpenAI's and Anthropic's wire formats.",
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="0 takes a free one (default)")
    add(
        "--answers",
        default="steady",
        help="steady (default), fresh, demo, or a handler of yours: package.module:function",
    )
    add("--latency", default="0", help="seconds before each answer, or a range: 0.01-0.05")
    add("--faults", default="none", help="none (default), mixed, or shares: rate_limit=0.05,hang=0.01:30")
    add("--key", help="the key that calls must carry")
    add("--models", help="the model names that exist, with commas between them; default: every name does")
    add("--seed", type=int, default=0, help="of latencies and request ids")
    add("--forget", action="store_true", help="keep no requests, only counts")
    return parser


def _answers(name: str) -> Answer:
    ready: dict[str, Answer] = {"steady": steady, "fresh": fresh, "demo": demo}
    if name in ready:
        return ready[name]
    module, _, function = name.partition(":")
    try:
        handler = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        message = f"--answers {name} cannot be loaded ({error}): give steady, fresh, demo or package.module:function."
        raise ConfigError(message) from error
    if not callable(handler):
        raise ConfigError(f"--answers {name} is no function: give one that takes a request and returns text.")
    return handler  # type: ignore[no-any-return]


def _latency(text: str) -> float | tuple[float, float]:
    low, dash, high = text.partition("-")
    try:
        return (float(low), float(high)) if dash else float(low)
    except ValueError:
        raise ConfigError(f"--latency {text} is no time: give seconds, as 0.01, or a range, as 0.01-0.05.") from None


def _faults(text: str) -> Faults | None:
    try:
        return Faults.parse(text)
    except ValueError as error:
        raise ConfigError(f"--faults {text}: {error}.") from error


if __name__ == "__main__":
    sys.exit(main())
