"""A model service on this machine: OpenAI's and Anthropic's wire formats, your answers, the faults you ask for.

For example:

    def handler(request):
        return f"You said: {request.prompt}"

    with LoopbackServer(handler, latency=(0.01, 0.05), faults=Faults(rate_limit=0.05)) as server:
        client = openai.OpenAI(base_url=server.url, api_key="any")
        ...
    assert server.count == 1
"""

import asyncio
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from types import TracebackType
from typing import Any

from synthkit.errors import ConfigError
from synthkit.testing.loopback.answers import steady
from synthkit.testing.loopback.billing import Prices
from synthkit.testing.loopback.connection import Connection
from synthkit.testing.loopback.desk import Desk, Settings, key_digest
from synthkit.testing.loopback.faults import Fault
from synthkit.testing.loopback.limits import Limits
from synthkit.testing.loopback.replies import Answer, Received
from synthkit.testing.loopback.tally import Tally

_BACKLOG = 4096  # thousands may connect at once


class LoopbackServer:
    """Serves in a thread of its own on 127.0.0.1, from `with` (or `start`) to its end (or `stop`).

    answer: the handler. It runs on the server's loop: it must be quick, and must not block. What it raises becomes a
        500, is kept in `problems`, and is raised again where the `with` block ends without another error.
    latency: seconds before each answer, or a range from which each request's number draws.
    faults: a `Faults`, a `Script`, or a function of their kind.
    key: the key that calls must carry, as a bearer token or in x-api-key (Anthropic's); only its hash is kept. None:
        any key, or none.
    models: the names that exist; others get 404. None: every name does.
    context: the most tokens of a request; more get 400.
    limits: rate limits that are kept, with 429. None: wide ones are told of in the headers, and not kept.
    seed: of latencies and request ids.
    keep: False keeps no requests, only counts: for long runs.
    port: 0 takes a free one. After `stop`, `start` serves at the same port again, the counts going on.
    prefix: the path before `/chat/completions`, `/responses`, `/embeddings` and `/messages`.
    patience: seconds after which a request that is not whole gets 408.
    prices: {"model": (input, output)} in dollars for a million tokens, "" for all others; `bill` adds up by them.
    """

    def __init__(
        self,
        answer: Answer = steady,
        *,
        latency: float | tuple[float, float] = 0.0,
        faults: Fault | None = None,
        key: str | None = None,
        models: Sequence[str] | None = None,
        context: int | None = None,
        limits: Limits | None = None,
        seed: int = 0,
        keep: bool = True,
        port: int = 0,
        prefix: str = "/v1",
        patience: float = 30.0,
        prices: Prices | None = None,
    ) -> None:
        settings = Settings(
            answer=answer,
            latency=latency,
            faults=faults,
            key_digest=None if key is None else key_digest(key),
            models=models,
            context=context,
            limits=limits,
            seed=seed,
            prefix=prefix,
            prices=prices,
        )
        self._tally = Tally(keep)
        self._desk = Desk(settings, self._tally)
        self._prefix, self._port, self._patience = prefix, port, patience
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    def start(self) -> "LoopbackServer":
        """Listens and serves; back when it does. ConfigError when the port is taken."""
        if self._thread is not None:
            return self
        try:
            plug = socket.create_server(("127.0.0.1", self._port), backlog=_BACKLOG)
        except OSError as error:
            message = f"Port {self._port} of 127.0.0.1 cannot be had ({error.strerror}): choose another, or 0 for any."
            raise ConfigError(message) from error
        self._port = plug.getsockname()[1]
        ready = threading.Event()
        main = partial(self._run, plug, ready)
        self._thread = threading.Thread(target=main, name=f"loopback-{self._port}", daemon=True)
        self._thread.start()
        ready.wait()
        return self

    def stop(self) -> None:
        """Drops all connections and frees the port; back when the thread is gone."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        assert self._loop is not None and self._stopping is not None
        self._loop.call_soon_threadsafe(self._stopping.set)
        thread.join()

    def __enter__(self) -> "LoopbackServer":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if error is None and self.problems:
            raise self.problems[0]

    @property
    def url(self) -> str:
        """The base URL for clients. The port is known from `start` on."""
        return f"http://127.0.0.1:{self._port}{self._prefix}"

    @property
    def port(self) -> int:
        """The port; 0 before the first `start` if none was asked for."""
        return self._port

    @property
    def requests(self) -> list[Received]:
        """The calls in order of arrival, also the refused ones; not what was no JSON object, nor other paths."""
        return list(self._tally.requests)

    @property
    def headers(self) -> list[dict[str, str]]:
        """The headers of each of `requests`; values that could be keys are hidden."""
        return list(self._tally.headers)

    @property
    def count(self) -> int:
        """How many calls have come."""
        return self._tally.count

    @property
    def answered(self) -> int:
        """How many got a whole, usable answer."""
        return self._tally.answered

    @property
    def asked_again(self) -> int:
        """How many came with a body to which a whole answer had been sent before."""
        return self._tally.asked_again

    @property
    def in_flight(self) -> int:
        """How many wait for their answer."""
        return self._tally.in_flight

    @property
    def most_in_flight(self) -> int:
        """How many ever waited at once."""
        return self._tally.most_in_flight

    @property
    def left(self) -> int:
        """How many clients were gone before their answer was sent."""
        return self._tally.left

    @property
    def by_fault(self) -> Mapping[str, int]:
        """How often each fault or error was served."""
        return dict(self._tally.by_fault)

    @property
    def bill(self) -> Decimal:
        """Dollars for all that was generated, by `prices`, from the moment that a call comes: also for answers that
        were late, cut or lost on the way, and for clients that were gone. Errors are free."""
        return self._desk.billing.total

    @property
    def problems(self) -> list[Exception]:
        """What the handler has raised."""
        return self._desk.problems

    def stats(self) -> dict[str, Any]:
        """All counts, as `GET /stats` gives them."""
        return self._tally.stats()

    def wait(self, count: int, *, seconds: float = 10.0) -> None:
        """Back when that many calls have come. TimeoutError says how many had."""
        deadline = time.monotonic() + seconds
        while self.count < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.count} of {count} calls came within {seconds:g} s: is the client running?")
            time.sleep(0.001)

    def _run(self, plug: socket.socket, ready: threading.Event) -> None:
        try:
            asyncio.run(self._serve(plug, ready))
        finally:
            ready.set()  # also when the loop could not start: nobody waits for ever

    async def _serve(self, plug: socket.socket, ready: threading.Event) -> None:
        living: set[Connection] = set()
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        self._loop.set_exception_handler(self._note)
        make = partial(Connection, self._desk, self._patience, living)
        server = await self._loop.create_server(make, sock=plug, backlog=_BACKLOG)
        ready.set()
        await self._stopping.wait()
        server.close()
        for connection in list(living):
            connection.abort()
        await asyncio.sleep(0)  # lets the transports close
        await server.wait_closed()

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Errors of the loop itself would only be logged: they must be seen too."""
        error = context.get("exception")
        self.problems.append(error if isinstance(error, Exception) else RuntimeError(context["message"]))
