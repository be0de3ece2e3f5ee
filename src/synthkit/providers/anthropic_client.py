"""Calls to Anthropic's service, or one that speaks its language."""

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qsl

from synthkit.core import Endpoint, Quotas
from synthkit.errors import CallError
from synthkit.providers import _headers
from synthkit.providers._errors import Place
from synthkit.providers._limits import AnthropicGauge
from synthkit.providers._line import Line
from synthkit.providers._transport import client_options
from synthkit.providers.anthropic_errors import OWN, place, refused, translated

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

NO_KEY = "none"
"""Sent where there is no key: without one the SDK would look for credentials itself, and local servers do not care."""
OLD = "2023-06-01"
"""The API version that still has temperature, top_p and top_k, for the models that took them."""
VERSION = "2026-10-21"
"""The API version that the SDK asks for."""


class Client(Line):
    """One endpoint, and the connections of one event loop."""

    settings: ClassVar[Mapping[str, type]] = {"version": str, "cache": bool}
    gauge = AnthropicGauge

    def __init__(
        self, endpoint: Endpoint, guest: "Callable[[], AsyncAnthropic | None]", heard: Callable[[Quotas], None]
    ) -> None:
        super().__init__(place(endpoint), "anthropic", guest, heard)

    def headers(self) -> dict[str, str] | None:
        sdk = _headers.sdk("anthropic", "AsyncAnthropic")
        if sdk is None:
            return None
        custom = _headers.custom("ANTHROPIC_CUSTOM_HEADERS")
        ours = {**custom, **self._given()}
        key = {"Authorization": f"Bearer {self.endpoint.key or NO_KEY}"}
        count = {"x-stainless-timeout": "NOT_GIVEN", "x-stainless-retry-count": "0"}
        rest = {"X-Stainless-Async": "async:asyncio", "anthropic-version": VERSION}
        return _headers.composed((count, {**sdk, **key, **ours, **rest, **ours}, ours), custom)

    def client(self) -> "AsyncAnthropic":
        from anthropic import AsyncAnthropic, DefaultAioHttpClient

        url, _, query = (self.endpoint.base_url or OWN).partition("?")
        return AsyncAnthropic(
            base_url=url,
            api_key=self.endpoint.key or NO_KEY,
            default_headers=self._given(),
            default_query=dict(parse_qsl(query)),
            max_retries=0,
            timeout=None,  # the deadline is ours
            open_telemetry=False,
            http_client=DefaultAioHttpClient(**client_options()),
        )

    def _given(self) -> dict[str, str]:
        """The headers that a setting asks for."""
        version = self.endpoint.settings.get("version")
        given = {"anthropic-version": version} if version else {}
        if version == OLD:
            given["x-api-key"] = self.endpoint.key or NO_KEY  # where keys went then; the SDK sends bearer tokens
        return given

    def raised(self) -> tuple[type[Exception], ...]:
        import anthropic

        return (anthropic.AnthropicError,)

    def translated(self, error: Exception, place: Place, model: str, sent: Collection[str]) -> CallError:
        return translated(error, place, model, sent)

    def refused(
        self, status: int, body: object, headers: Mapping[str, str], place: Place, model: str, sent: Collection[str]
    ) -> CallError:
        return refused(status, body, headers, place, model, sent)
