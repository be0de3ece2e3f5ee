"""Calls to OpenAI's service, or one that speaks its language."""

import importlib
import importlib.util
import os
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from synthkit.core import Endpoint, Quotas, Usage
from synthkit.errors import BadKey, CallError, ConfigError, ConnectionLost
from synthkit.providers import _headers
from synthkit.providers._errors import Place, late
from synthkit.providers._limits import OpenAIGauge
from synthkit.providers._line import Line
from synthkit.providers._reading import json_value
from synthkit.providers._transport import client_options
from synthkit.providers.openai_errors import OWN, place, refused, translated
from synthkit.providers.openai_reading import took

if TYPE_CHECKING:
    from openai import AsyncOpenAI

NO_KEY = "none"
"""Sent where there is no key: the SDK wants one, local servers do not look at it."""
SCOPE = "https://cognitiveservices.azure.com/.default"
"""What a token of Azure is for."""


class Client(Line):
    """One endpoint, and the connections of one event loop. `own`: OpenAI's service; `azure`: its models at Azure."""

    settings: ClassVar[Mapping[str, type]] = {"organization": str, "project": str, "identity": str}
    gauge = OpenAIGauge

    def __init__(
        self,
        endpoint: Endpoint,
        path: str,
        provider: str,
        guest: "Callable[[], AsyncOpenAI | None]",
        heard: Callable[[Quotas], None],
    ) -> None:
        super().__init__(place(endpoint, path), provider, guest, heard)
        host = urlsplit(endpoint.base_url or OWN).hostname or ""
        self.own, self.azure = host.endswith(".openai.com"), host.endswith(".openai.azure.com")
        self._credential: Any = None
        if endpoint.settings.get("identity", "azure") != "azure":
            raise ConfigError(
                f"the setting 'identity' of the provider {provider} can be \"azure\" only: or leave it out"
            )
        if "identity" in endpoint.settings and not _installed("azure.identity"):
            raise ConfigError('identity = "azure" needs the package azure-identity: install it')

    def headers(self) -> dict[str, str] | None:
        sdk = _headers.sdk("openai", "AsyncOpenAI")
        if sdk is None or "identity" in self.endpoint.settings:
            return None
        custom, settings = _headers.custom("OPENAI_CUSTOM_HEADERS"), self.endpoint.settings
        key = {"Authorization": f"Bearer {self.endpoint.key or NO_KEY}"}
        own = {
            "X-Stainless-Async": "async:asyncio",
            "OpenAI-Organization": settings.get("organization", os.environ.get("OPENAI_ORG_ID")),
            "OpenAI-Project": settings.get("project", os.environ.get("OPENAI_PROJECT_ID")),
        }
        layers = (key, {**sdk, **custom, **own, **custom}, {"x-stainless-retry-count": "0"})
        return _headers.composed(layers, custom)

    def client(self) -> "AsyncOpenAI":
        from openai import AsyncOpenAI, DefaultAioHttpClient

        url, _, query = (self.endpoint.base_url or OWN).partition("?")
        return AsyncOpenAI(
            base_url=url,
            api_key=self._tokens() if "identity" in self.endpoint.settings else self.endpoint.key or NO_KEY,
            organization=self.endpoint.settings.get("organization"),
            project=self.endpoint.settings.get("project"),
            default_query=dict(parse_qsl(query)),
            max_retries=0,
            timeout=None,  # the deadline is ours
            http_client=DefaultAioHttpClient(**client_options()),
        )

    def _tokens(self) -> Any:
        """Gives a valid token whenever it is called."""
        azure, failures = (importlib.import_module(name) for name in ("azure.identity.aio", "azure.core.exceptions"))
        self._credential = azure.DefaultAzureCredential()
        fetch = azure.get_bearer_token_provider(self._credential, SCOPE)

        async def token() -> str:
            try:
                return str(await fetch())
            except failures.ClientAuthenticationError as error:  # its text is long, and may hold pieces of secrets
                what = f"Azure gives no token for {self.place.host} ({type(error).__name__})"
                raise BadKey(f"{what}: run az login, or give this machine an identity") from None
            except failures.AzureError as error:
                what = f"the token for {self.place.host} cannot be fetched ({type(error).__name__})"
                raise ConnectionLost(f"{what}: check the network", free=True) from error

        return token

    def raised(self) -> tuple[type[Exception], ...]:
        import openai

        return (openai.OpenAIError,)

    def translated(self, error: Exception, place: Place, model: str, sent: Collection[str]) -> CallError:
        return translated(error, place, model, sent)

    def refused(
        self, status: int, body: object, headers: Mapping[str, str], place: Place, model: str, sent: Collection[str]
    ) -> CallError:
        error = body.get("error", body) if isinstance(body, Mapping) else body
        return refused(status, error, headers, place, model, sent)

    def check(self, text: str, headers: Mapping[str, str], model: str, mark: str) -> None:
        """Raises for an error that comes with status 200, as gateways send them, with the real status as its code.
        mark: what answers hold, so that they need not be read for this."""
        if mark in text or '"error"' not in text:
            return
        body = json_value(text)
        error = body.get("error") if isinstance(body, dict) else None
        if isinstance(error, dict) and isinstance(error.get("code"), int) and 400 <= error["code"] < 600:
            ours = refused(error["code"], error, headers, self.place, model)
            raise late(ours, text, told=took(body) != Usage())

    async def close(self) -> None:
        await super().close()
        credential, self._credential = self._credential, None
        if credential is not None:
            await credential.close()


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # not even its parent is
        return False
