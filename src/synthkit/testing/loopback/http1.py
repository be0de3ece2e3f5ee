"""HTTP/1.1 as a server needs it: a parser that trusts nobody, and reply heads."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus

MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024 * 1024
_REQUEST_LINE = re.compile(r"([A-Z]{1,16}) ([!-~]+) HTTP/(\d)\.(\d)")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(;[^\r\n]*)?")
_PHRASES = {status.value: status.phrase for status in HTTPStatus} | {529: "Site Is Overloaded"}


class HttpError(Exception):
    """Bytes that are no request this server takes. The connection cannot go on after it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Message:
    """One whole request. Header names are in lower case; the query is cut off the path."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    keep_alive: bool


class Parser:
    """Bytes in, whole requests out, wherever the bytes were split."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0  # where to look on for what was not there yet
        self._head: Message | None = None
        self._length: int | None = 0  # None: chunked
        self._chunks = bytearray()
        self._trailer = False
        self.wants_continue = False  # the client waits for `100 Continue` before it sends the body

    @property
    def buffered(self) -> int:
        """Bytes that wait here."""
        return len(self._buffer) + len(self._chunks)

    @property
    def inside(self) -> bool:
        """Whether a request has begun and is not whole."""
        return self._head is not None or bool(self._buffer)

    def feed(self, data: bytes) -> None:
        """Takes more bytes."""
        self._buffer += data

    def next(self) -> Message | None:
        """The next whole request; None when more bytes are needed. Raises HttpError."""
        if self._head is None and not self._read_head():
            return None
        head = self._head
        assert head is not None
        body = self._read_chunks() if self._length is None else self._read_length(self._length)
        if body is None:
            return None
        self._head, self.wants_continue = None, False
        return Message(head.method, head.path, head.headers, body, head.keep_alive)

    def _read_head(self) -> bool:
        while self._buffer.startswith(b"\r\n"):  # some clients end a body with one line end too many
            del self._buffer[:2]
        if self._buffer and not 65 <= self._buffer[0] <= 90 and self._buffer != b"\r":
            raise HttpError(400, "This is a plain HTTP/1.1 server: the bytes received are no HTTP request.")
        end = self._buffer.find(b"\r\n\r\n", max(0, self._scanned - 3))
        if end > MAX_HEAD or (end < 0 and len(self._buffer) > MAX_HEAD):
            raise HttpError(431, f"The request's head is longer than {MAX_HEAD} bytes.")
        if end < 0:
            self._scanned = len(self._buffer)
            return False
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        self._scanned = 0
        self._start(lines[0], _headers(lines[1:]))
        return True

    def _start(self, line: str, headers: dict[str, str]) -> None:
        match = _REQUEST_LINE.fullmatch(line)
        if match is None:
            raise HttpError(400, "The request line is not `METHOD path HTTP/1.1`.")
        method, target, major, minor = match.groups()
        if major != "1":
            raise HttpError(505, f"HTTP/{major}.{minor} is not spoken here: use HTTP/1.1.")
        if minor != "0" and "host" not in headers:
            raise HttpError(400, "The Host header is missing.")
        wishes = headers.get("connection", "").lower()
        keep = "keep-alive" in wishes if minor == "0" else "close" not in wishes
        path = re.sub(r"^https?://[^/]*", "", target).partition("?")[0] or "/"
        self._length = _body_length(headers)
        self._chunks = bytearray()
        self._trailer = False
        self.wants_continue = headers.get("expect", "").lower() == "100-continue" and self._length != 0
        self._head = Message(method, path, headers, b"", keep)

    def _read_length(self, length: int) -> bytes | None:
        if len(self._buffer) < length:
            return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return body

    def _read_chunks(self) -> bytes | None:
        while (line := self._peek_line()) is not None:
            if self._trailer:
                del self._buffer[: len(line) + 2]
                if not line:
                    return bytes(self._chunks)
                continue
            match = _CHUNK.fullmatch(line)
            if match is None:
                raise HttpError(400, "A chunk of the body does not begin with its size.")
            size, begin = int(match[1], 16), len(line) + 2
            if len(self._chunks) + size > MAX_BODY:
                raise HttpError(413, f"The body is longer than {MAX_BODY} bytes.")
            if size and len(self._buffer) < begin + size + 2:
                return None
            if size and self._buffer[begin + size : begin + size + 2] != b"\r\n":
                raise HttpError(400, "A chunk of the body is not as long as it says.")
            self._chunks += self._buffer[begin : begin + size]
            del self._buffer[: begin + size + 2 if size else begin]
            self._trailer = size == 0
        return None

    def _peek_line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n", 0, 4096)
        if end < 0 and len(self._buffer) >= 4096:
            raise HttpError(400, "A chunk's size line or a trailer is too long.")
        return None if end < 0 else bytes(self._buffer[:end])


def _headers(lines: Iterable[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        match = _HEADER.fullmatch(line)
        if match is None:
            raise HttpError(400, "A header line is not `name: value`.")
        name, value = match[1].lower(), match[2]
        if name == "content-length" and headers.get(name, value) != value:
            raise HttpError(400, "Two Content-Length headers disagree.")
        if name in headers and name != "content-length":
            value = f"{headers[name]}, {value}"
        headers[name] = value
        if len(headers) > 200:
            raise HttpError(431, "The request has more than 200 headers.")
    return headers


def _body_length(headers: dict[str, str]) -> int | None:
    """How long the body is; None if it comes in chunks."""
    length, coding = headers.get("content-length"), headers.get("transfer-encoding")
    if coding is not None:
        if length is not None or coding.lower() != "chunked":
            raise HttpError(400, "Send a body with Content-Length or with `Transfer-Encoding: chunked`, not both.")
        return None
    if length is None:
        return 0
    if not (length.isascii() and length.isdigit()):
        raise HttpError(400, "Content-Length is not a number.")
    if len(length) > 15 or int(length) > MAX_BODY:
        raise HttpError(413, f"The body is longer than {MAX_BODY} bytes.")
    return int(length)


def head(status: int, headers: Iterable[tuple[str, str]]) -> bytes:
    """The status line and headers of a reply. A line break in a header would forge another: ValueError."""
    lines = [f"HTTP/1.1 {status} {_PHRASES.get(status, 'Unknown')}", f"date: {formatdate(usegmt=True)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a reply header holds a line break: take it out")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; of nothing, its end."""
    return b"%x\r\n%b\r\n" % (len(data), data)
