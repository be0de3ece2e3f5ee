"""Posting beneath the vendors' SDKs: the way of nearly every call, at a fifth of what the same costs through them.

A call through an SDK spends most of its time on building, copying and checking things that are the same for each
request, or that nobody here looks at. For a service whose authentication is a key in a header, `Wire` posts a body over
a plain aiohttp session instead, which is what the SDKs' own aiohttp transport does below. Address and headers are those
that the SDK sends (`_headers.py`), the body is the JSON that it would make, TLS trusts whom it trusts.

What of the SDKs has no part in this: their retries, deadlines and redirects (all off anyway), logging, tracing, hooks
and middleware, models of replies and checks of these. Cookies are not kept, which the SDKs' clients do.
Errors are made from the same status, body and headers; tests hold the two ways against each other.
Whatever needs more than fixed headers goes through the SDK itself: see `_line.py`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from synthkit.providers import _transport
from synthkit.providers._transport import CONNECTIONS, IDLE, TooLarge

if TYPE_CHECKING:
    from aiohttp import ClientResponse


LONGEST, MANY = 64 << 10, 1000
"""Bytes of a header, and headers, as the SDKs' clients take them: gateways pass on what they get."""


class Answer(NamedTuple):
    """What came back, whatever its status. The content is unpacked."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Wire:
    """Connections to one service, for the event loop that is running when it is made. headers: of every request."""

    def __init__(self, base: str, query: str, headers: Mapping[str, str]) -> None:
        from aiohttp import BytesPayload, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
        from yarl import URL

        secure: Any = _trusted() if base.startswith("https:") else True
        self._session = ClientSession(
            connector=TCPConnector(limit=CONNECTIONS, keepalive_timeout=IDLE, ssl=secure),
            headers=headers,
            skip_auto_headers=["accept", "accept-encoding", "content-type", "user-agent"],
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(total=None, sock_connect=None),  # the deadline is the caller's
            auto_decompress=False,
            max_field_size=LONGEST,
            max_headers=MANY,
        )
        self._base, self._query, self._address = base.rstrip("/"), f"?{query}" if query else "", URL
        self._addresses: dict[str, URL] = {}
        self._payload = BytesPayload

    async def post(self, path: str, body: bytes) -> Answer:
        """One request. Raises aiohttp's errors, OSError, and `TooLarge`."""
        address = self._addresses.get(path)
        if address is None:
            address = self._addresses[path] = self._address(self._base + path + self._query)
        response = await self._session.post(address, data=self._payload(body), allow_redirects=False)
        headers, length = response.headers, response.content_length
        try:
            if "content-encoding" in headers:
                content = await _unpacked(response)
            elif length is None:
                content = await _read(response)
            elif length > _transport.LARGEST:
                raise TooLarge
            else:
                content = await response.read()
        except BaseException:
            response.close()  # what is left of the body must not meet the next request
            raise
        response.release()
        return Answer(response.status, headers, content)

    async def close(self) -> None:
        """Closes the connections."""
        await self._session.close()


def _trusted() -> Any:
    """The TLS context of the SDKs' clients: it minds SSL_CERT_FILE, SSL_CERT_DIR and the system's authorities."""
    import httpx2

    return httpx2.create_ssl_context()


async def _read(response: "ClientResponse") -> bytes:
    """A body without a length."""
    parts, size = [], 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > _transport.LARGEST:
            raise TooLarge
        parts.append(part)
    return b"".join(parts)


async def _unpacked(response: "ClientResponse") -> bytes:
    """A packed body, unpacked as the SDKs' clients do it."""
    import httpx2

    headers = {"content-encoding": response.headers["content-encoding"]}
    return await _transport.whole(httpx2.Response(200, headers=headers, content=response.content.iter_any()))


def _otherwise(value: object) -> Any:
    """What JSON has no form for, as the SDKs write it."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


_written: Callable[[object], str] = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_otherwise
).encode


def written(body: Mapping[str, Any]) -> bytes:
    """The bytes of a body, as the SDKs make them. Raises UnicodeEncodeError for lone surrogates, ValueError and
    TypeError for what is no JSON."""
    return _written(body).encode()
