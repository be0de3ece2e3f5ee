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


def client_options() -> dict[str, Any]:
    """How an SDK's HTTP client is made: no deadline of its own, no redirects, many connections, bounded bodies."""
    import httpx2

    limits = httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=IDLE)
    return {"timeout": None, "limits": limits, "follow_redirects": False, "event_hooks": {"response": [bounded]}}


async def bounded(response: "httpx2.Response") -> None:
    """Reads and unpacks a body, whatever its status, up to `LARGEST`; a small one can be a large one packed. Raises
    `TooLarge`."""
    import httpx2

    came = httpx2.Response(
        response.status_code, headers=response.headers, stream=response.stream, request=response.request
    )
    parts, size = [], 0
    try:
        async for part in came.aiter_bytes():
            size += len(part)
            if size > LARGEST:
                raise TooLarge(f"more than {LARGEST} bytes")
            parts.append(part)
    finally:
        await came.aclose()
    response.headers.pop("content-encoding", None)
    response.stream = httpx2.ByteStream(b"".join(parts))
