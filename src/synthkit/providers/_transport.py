"""What lies between the vendors' SDKs and the network: connections, and how much of a reply is read."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx2

CONNECTIONS = 65_535
"""At once, at most: a run bounds its calls itself."""
IDLE = 4.0
"""Seconds until an idle connection is closed: less than the 5 after which uvicorn and others hang up, which would
otherwise meet the next request."""
LARGEST = 64 * 2**20
"""Bytes of a body, unpacked: what is larger is no answer, and must not fill memory."""


class TooLarge(Exception):
    """A body of more than `LARGEST` bytes; its rest is not read."""

    def __init__(self) -> None:
        super().__init__(f"more than {LARGEST} bytes")


def client_options() -> dict[str, Any]:
    """How an SDK's HTTP client is made: no deadline of its own, no redirects, many connections, bounded bodies."""
    import httpx2

    limits = httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=IDLE)
    return {"timeout": None, "limits": limits, "follow_redirects": False, "event_hooks": {"response": [bounded]}}


async def bounded(response: "httpx2.Response") -> None:
    """Reads and unpacks a body, whatever its status, so that nobody does it without a bound. Raises `TooLarge`."""
    import httpx2

    came = httpx2.Response(
        response.status_code, headers=response.headers, stream=response.stream, request=response.request
    )
    response.stream = httpx2.ByteStream(await whole(came))
    response.headers.pop("content-encoding", None)


async def whole(response: "httpx2.Response") -> bytes:
    """The body of a response, unpacked, up to `LARGEST`: a small one can be a large one packed."""
    parts, size = [], 0
    try:
        async for part in response.aiter_bytes():
            size += len(part)
            if size > LARGEST:
                raise TooLarge
            parts.append(part)
    finally:
        await response.aclose()
    return b"".join(parts)
