"""One client's connection: reads requests, plays replies to it, notices when it leaves.

A protocol and not a pair of streams: it learns at once that a client is gone while its answer is being waited for,
which decides whether that answer was sent; and it needs no task a connection.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, cast

from synthkit.testing.loopback.http1 import HttpError, Message, Parser

_AHEAD = 1024 * 1024  # bytes of further requests that may wait while one is answered
_LINGER = 1.0  # seconds in which a client may still read our last words before the connection goes


@dataclass(slots=True)
class Outgoing:
    """A reply on its way.

    `over(True)` is called before the last piece goes, so that whoever has an answer finds it counted; `over(False)`
    when the client is gone before, and also after, if some of that piece was still waiting for it.
    """

    pieces: Sequence[bytes]
    over: Callable[[bool], None]
    wait: float = 0.0  # seconds before the first byte
    pace: float = 0.0  # seconds between pieces
    end: Literal["keep", "close", "reset"] = "keep"


class Answering(Protocol):
    """What a connection asks for replies."""

    def reply(self, message: Message) -> Outgoing:
        """The reply to a request."""
        ...

    def refuse(self, error: HttpError) -> Outgoing:
        """The reply to bytes that are no request."""
        ...


class Connection(asyncio.Protocol):
    """Requests are answered one after the other, as HTTP/1.1 wants it, also when they are sent all at once."""

    def __init__(self, desk: Answering, patience: float, living: set["Connection"]) -> None:
        self._desk = desk
        self._patience = patience
        self._living = living
        self._loop = asyncio.get_running_loop()
        self._parser = Parser()
        self._current: Outgoing | None = None
        self._next = 0  # which of its pieces goes next
        self._timer: asyncio.TimerHandle | None = None  # of the reply that waits
        self._rest: asyncio.TimerHandle | None = None  # of the request that is not whole
        self._full = False
        self._pumping = False
        self._closing = False
        self._continued = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=0)  # so that resume_writing means: all is sent
        self._living.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._living.discard(self)
        self._abandon()

    def eof_received(self) -> bool:
        # A client that shuts its side while it waits has been killed or has given up: nothing is sent to it any more.
        self._abandon()
        return False

    def abort(self) -> None:
        """Drops the connection."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        self._parser.feed(data)
        if self._current is None:
            self._pump()
        elif self._parser.buffered > _AHEAD:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        if self._current is not None and self._timer is None:
            self._step()

    def _pump(self) -> None:
        self._pumping = True
        while self._current is None and not self._closing:
            try:
                message = self._parser.next()
                if message is None:
                    self._await_rest()
                    break
                self._stop_rest()
                self._begin(self._desk.reply(message))
            except HttpError as error:
                self._stop_rest()
                self._begin(self._desk.refuse(error))
        self._pumping = False

    def _await_rest(self) -> None:
        if self._parser.wants_continue and not self._continued:
            self._continued = True
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._parser.inside and self._rest is None:
            self._rest = self._loop.call_later(self._patience, self._too_slow)

    def _stop_rest(self) -> None:
        self._continued = False
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _too_slow(self) -> None:
        self._rest = None
        late = HttpError(408, f"The request was not whole after {self._patience:g} seconds.")
        self._begin(self._desk.refuse(late))

    def _begin(self, outgoing: Outgoing) -> None:
        self._current = outgoing
        self._next = 0
        if outgoing.wait > 0:
            self._timer = self._loop.call_later(outgoing.wait, self._step)
        else:
            self._step()

    def _step(self) -> None:
        """Sends the next piece; waits for its pace or for a slow reader; ends the reply after the last."""
        self._timer = None
        outgoing = self._current
        if outgoing is None or self._full:
            return
        if outgoing.end == "reset":
            self._reset()
            return
        if self._next == len(outgoing.pieces):
            self._finish(outgoing)
            return
        piece = outgoing.pieces[self._next]
        self._next += 1
        last = self._next == len(outgoing.pieces)
        if last:
            outgoing.over(True)
        self._transport.write(piece)
        if self._transport.is_closing():  # the client had reset the connection
            self._abandon()
            return
        if outgoing.pace > 0 and not last:
            self._timer = self._loop.call_later(outgoing.pace, self._step)
        elif not self._full:
            self._step()

    def _finish(self, outgoing: Outgoing) -> None:
        self._current = None
        if outgoing.end == "close":
            # Closing with unread bytes would send a reset, and the client could lose the reply.
            self._closing = True
            if self._transport.can_write_eof() and not self._transport.is_closing():
                with contextlib.suppress(OSError):  # the client was killed a moment ago
                    self._transport.write_eof()
            self._timer = self._loop.call_later(_LINGER, self._transport.close)
        elif not self._pumping:
            self._transport.resume_reading()
            self._pump()

    def _reset(self) -> None:
        outgoing, self._current = self._current, None
        if outgoing is not None:
            outgoing.over(True)
        plug = self._transport.get_extra_info("socket")
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._closing = True
        self._transport.abort()

    def _abandon(self) -> None:
        outgoing, self._current = self._current, None
        self._closing = True
        self._stop_rest()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if outgoing is not None:
            outgoing.over(False)
