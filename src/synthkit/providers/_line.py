"""One line to a model service: the connections of an event loop, one attempt at a time, and what can go wrong with it.

Requests go straight to the network (`_wire.py`), or through the vendor's SDK where they need it:

- a provider's `connect` returns a client of the SDK, which may ask for a token before each request, sign it, or send it
  elsewhere;
- a setting says so (`transport = "sdk"`, an identity);
- the SDK might send something else than what is put together without it (`_headers.py` says when).
"""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Protocol

from synthkit.core import Quotas
from synthkit.core.columns import hint
from synthkit.errors import BadKey, BadRequest, BrokenBody, CallError, ConfigError, FatalError
from synthkit.providers import _errors, _headers
from synthkit.providers._errors import Place, timed_out
from synthkit.providers._limits import Gauge
from synthkit.providers._wire import Answer, Wire, written


class SdkClient(Protocol):
    """What is asked of an SDK's client."""

    async def post(self, path: str, *, cast_to: Any, body: Any, options: Any) -> Any:
        """A request."""

    async def close(self) -> None:
        """Closes its connections."""


class Line(ABC):
    """One endpoint of one vendor.

    place: where it is; `post` may be given other paths there. provider: its name, for messages about its settings.
    guest: makes a client of the SDK that every request goes through, or None. heard: is told the limits that replies
    tell.
    """

    settings: ClassVar[Mapping[str, type]]
    """The settings that the provider has, beside `transport`."""
    gauge: ClassVar[type[Gauge]]

    def __init__(
        self,
        place: Place,
        provider: str,
        guest: Callable[[], SdkClient | None],
        heard: Callable[[Quotas], None],
    ) -> None:
        self.place, self.endpoint = place, place.endpoint
        _check(self.endpoint.settings, {**self.settings, "transport": str}, provider)
        self._guest, self._gauge = guest, self.gauge(heard)
        self._way: Wire | _Sdk | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @abstractmethod
    def headers(self) -> dict[str, str] | None:
        """The headers of every request, put together without the SDK; None where only the SDK can do that."""

    @abstractmethod
    def client(self) -> SdkClient:
        """The SDK's client."""

    @abstractmethod
    def raised(self) -> tuple[type[Exception], ...]:
        """What the SDK's client raises."""

    @abstractmethod
    def translated(self, error: Exception, place: Place, model: str, sent: Collection[str]) -> CallError:
        """Our error for one that the SDK has raised. sent: the common names of the options in the request."""

    @abstractmethod
    def refused(
        self, status: int, body: object, headers: Mapping[str, str], place: Place, model: str, sent: Collection[str]
    ) -> CallError:
        """Our error for a reply with this status; `body` is the value of its JSON, or its text."""

    async def post(
        self, path: str, body: Mapping[str, Any], model: str, sent: Collection[str] = ()
    ) -> tuple[str, Mapping[str, str]]:
        """One attempt: the text and the headers of a good reply. sent: the common names of the options in the body."""
        data = _bytes(body)
        place = self.place if path == self.place.path else replace(self.place, path=path)
        way = self._way if self._loop is asyncio.get_running_loop() else None
        try:
            if way is None:
                way = await self._connected()
            async with asyncio.timeout(self.endpoint.timeout):
                answer = await (way.post(path, data) if isinstance(way, Wire) else way.post(path, body))
        except TimeoutError as error:
            raise timed_out(place) from error
        except CallError:
            raise
        except Exception as error:
            ours = self._ours(error, way, place, model, sent)
            if ours is None:
                raise
            raise ours from (None if isinstance(ours, BadKey) else error)  # its text may repeat parts of the key
        self._gauge.read(answer.headers)
        if not 200 <= answer.status < 300:
            raise self.refused(answer.status, _errors.body_of(answer), answer.headers, place, model, sent) from None
        try:
            return answer.content.decode("utf-8-sig"), answer.headers
        except UnicodeDecodeError as error:
            raise BrokenBody(f"{place.host} answered with bytes that are not UTF-8: try again") from error

    def _ours(
        self, error: Exception, way: "Wire | _Sdk | None", place: Place, model: str, sent: Collection[str]
    ) -> CallError | None:
        """Our error for any that a request ends with; None for what is a mistake of ours, or of a plugin."""
        if isinstance(way, Wire):
            return _errors.unconnected(error, place) if isinstance(error, _errors.below()) else None
        if not isinstance(error, (*self.raised(), *_errors.below())):
            return None
        if (response := getattr(error, "response", None)) is not None:
            self._gauge.read(response.headers)
        return self.translated(error, place, model, sent)

    async def close(self) -> None:
        """Closes the connections; the next request makes new ones."""
        way, self._way, self._loop = self._way, None, None
        if way is not None:
            await way.close()

    async def _connected(self) -> "Wire | _Sdk":
        """The connections of the running loop: they cannot move to another one."""
        left = self._way
        way = self._way = self._made()
        self._loop = asyncio.get_running_loop()
        if left is not None:  # its loop has ended without `close`: as far as that goes now
            with contextlib.suppress(RuntimeError):
                await left.close()
        return way

    def _made(self) -> "Wire | _Sdk":
        guest = self._guest()
        if guest is not None:
            return _Sdk(guest)
        address = headers = None
        if self.endpoint.settings.get("transport") != "sdk":
            address = _headers.address(self.endpoint.base_url or self.place.own)
            headers = self.headers() if address else None
        try:
            return Wire(*address, headers) if address and headers else _Sdk(self.client())
        except OSError as error:  # also of certificates that are none
            raise FatalError(
                f"the certificates to trust {self.place.host} by cannot be read ({error}): correct SSL_CERT_FILE or "
                "SSL_CERT_DIR"
            ) from error


class _Sdk:
    """The way through an SDK's client."""

    def __init__(self, client: SdkClient) -> None:
        self._client = client

    async def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        import httpx2

        # The SDKs' open door for what they have no method for: their methods would build models of the reply, which
        # doubles what a call costs, and refuse what they think will take too long.
        reply = await self._client.post(path, cast_to=httpx2.Response, body=body, options={"max_retries": 0})
        return Answer(reply.status_code, reply.headers, reply.content)

    async def close(self) -> None:
        await self._client.close()


def _bytes(body: Mapping[str, Any]) -> bytes:
    try:
        return written(body)
    except UnicodeEncodeError as error:
        raise BadRequest("the messages hold half a character (a lone surrogate): clean the text first") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequest(f"the request is no JSON ({error}): correct its options or messages") from error


def _check(settings: Mapping[str, Any], known: Mapping[str, type], provider: str) -> None:
    for name, value in settings.items():
        if name not in (*known, "key_env"):
            raise ConfigError(f"the provider {provider} has no setting {name!r}{hint(name, known)}")
        if not isinstance(value, known.get(name, str)):
            kind = "true or false" if known.get(name) is bool else "a text"
            raise ConfigError(f"the setting {name!r} of the provider {provider} must be {kind}")
    if settings.get("transport", "sdk") != "sdk":
        raise ConfigError(f"the setting 'transport' of the provider {provider} can be \"sdk\" only: or leave it out")
