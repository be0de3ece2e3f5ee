"""The project: its folder, its models, its keys."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from synthkit.core.columns import hint
from synthkit.core.provider import Endpoint, Provider
from synthkit.errors import ConfigError
from synthkit.models.keys import Keys
from synthkit.models.prices import Price
from synthkit.models.settings import FILE, ModelTable, PriceTable, Settings, checked_url, read_settings

ENV_FILE = "SYNTHKIT_ENV_FILE"
OWN: Mapping[str, tuple[str, str]] = {
    "anthropic": ("ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
    "openai": ("OPENAI_BASE_URL", "https://api.openai.com/v1"),
    "openai-responses": ("OPENAI_BASE_URL", "https://api.openai.com/v1"),
}
"""For each provider whose SDK takes its address from a variable: the variable, and the service's own address."""
SHORTEST = 8
"""Characters from which on a key is hidden: shorter ones are words like «none», and would tear texts apart."""
PIECE = 12
"""Characters of a key's beginning or end that are hidden too; services show fewer where they mask one."""
ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|/)")
"""How JSON may write characters of a key."""
SAMPLING = (
    *("temperature", "top_p", "max_tokens", "stop", "presence_penalty", "frequency_penalty"),
    *("seed", "top_k", "min_p", "repetition_penalty", "reasoning_effort", "extra"),
)
"""The options that a model's table may set."""
LIMITS = {
    "requests": "requests_per_minute",
    "tokens": "tokens_per_minute",
    "input": "input_tokens_per_minute",
    "output": "output_tokens_per_minute",
}
"""The limits that a model's table may set, by what they count."""


@dataclass(frozen=True)
class Model:
    """A model as somebody named it, resolved.

    ref: what was written: a name from synthkit.toml or `provider/name`. name: as the service knows it; it may hold
    slashes. base_url: None for the provider's own service. endpoint: what tells this service apart in the journal's
    keys: `endpoint` of its table, else its base_url without user, query and trailing slash, else "". concurrency:
    calls at once. timeout: seconds for an attempt. options: sampling demands. structured: how schemas go out; None:
    as the provider can. key_env: the variable with the key; None: the provider's; "": no key is sent. settings: for
    the provider alone. limits: requests and tokens a minute that the user allows. hedge: whether a call that takes far
    too long may be sent a second time; a number: after so many times what is usual.
    """

    ref: str
    provider: str
    name: str
    base_url: str | None = None
    endpoint: str = ""
    concurrency: int | None = None
    timeout: float = 120.0
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    structured: str | None = None
    key_env: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    limits: Mapping[str, float] = field(default_factory=dict, hash=False)
    hedge: bool | float = True


class Project:
    """A folder with its synthkit.toml, or without one. Make it with `find_project`.

    Keys and addresses come from the environment first, then from the env file: `.env` in the folder, or `env_file`
    in synthkit.toml, or the file that SYNTHKIT_ENV_FILE names, which wins. That file is never put into the
    environment. The address of a provider's own service may be moved by the variable that its SDK knows
    (OPENAI_BASE_URL), as if it were the `base_url` of each model that has none; the journal's keys tell it apart.
    As with the SDK, a service at a `base_url` gets the provider's usual key (OPENAI_API_KEY) if there is one: name
    another variable with `api_key_env`, or send none with `api_key_env = ""`.

    keys: what stands for environment and env file, in a process that works for one on another node: neither of its own
    is looked at then.
    """

    def __init__(self, folder: Path, settings: Settings | None = None, keys: Keys | None = None) -> None:
        self.folder = folder
        self._settings = settings or Settings()
        self._keys = keys
        self._secrets: list[str] = list(keys.secrets) if keys else []
        self._unreadable: list[int] = []

    @property
    def file(self) -> Path:
        """Its synthkit.toml, there or not."""
        return self.folder / FILE

    @property
    def journal(self) -> Path:
        """The folder of the journal: every answer that was ever paid for here."""
        return self.folder / ".synthkit" / "journal"

    @property
    def refused(self) -> Path:
        """What models were found to refuse, which requests and so their answers hang on."""
        return self.folder / ".synthkit" / "refused.json"

    @property
    def runs(self) -> Path:
        """The folder of runs."""
        return self.folder / "runs"

    @property
    def names(self) -> tuple[str, ...]:
        """The models that synthkit.toml names, sorted."""
        return tuple(sorted(self._settings.models))

    def form(self) -> dict[str, Any]:
        """What its synthkit.toml says, as plain values, from which `of` makes it again elsewhere."""
        return self._settings.form()

    @classmethod
    def of(cls, form: Mapping[str, Any], folder: Path, keys: Keys) -> "Project":
        """The same project in another folder, with nothing of this process's environment."""
        return cls(folder, Settings.of(form), keys)

    @cached_property
    def prices(self) -> Mapping[str, Price]:
        """The user's own prices, by a model's name or by `provider/name`."""
        return {name: _price(table) for name, table in self._settings.prices.items()}

    def model(self, ref: str) -> Model:
        """The model of this name. Raises `ConfigError` when there is none, with the nearest."""
        table = self._settings.models.get(ref)
        if table is not None:
            return self._model(ref, table)
        provider, slash, name = ref.partition("/")
        if slash and provider and name:
            return self._model(ref, ModelTable(use=ref))
        raise ConfigError(
            f"no model is called {ref!r}: write provider/name, as in openai/qwen3, or name it in a table [models.…] of "
            f"{self.file}{hint(ref, self.names, 'models there are')}"
        )

    def _model(self, ref: str, table: ModelTable) -> Model:
        provider, _, name = table.use.partition("/")
        base_url = self._address(provider, table.base_url)
        options = {name: getattr(table, name) for name in SAMPLING if getattr(table, name) is not None}
        return Model(
            ref=ref,
            provider=provider,
            name=name,
            base_url=base_url,
            endpoint=table.endpoint or (_plain(base_url) if base_url else ""),
            concurrency=table.concurrency,
            timeout=table.timeout,
            options=options,
            structured=table.structured,
            key_env=table.api_key_env,
            settings=table.settings,
            limits={kind: most for kind, name in LIMITS.items() if (most := getattr(table, name)) is not None},
            hedge=table.hedge,
        )

    def _address(self, provider: str, base_url: str | None) -> str | None:
        """The base URL; None for the provider's own service, also where its address is written out."""
        if provider not in OWN:
            return base_url
        variable, own = OWN[provider]
        url = base_url or self._variable(variable)
        try:
            return None if url is None or _plain(checked_url(url)) == own else url
        except ValueError as error:
            raise ConfigError(f"the address in {variable} {error}") from None

    def endpoint(self, model: Model, provider: type[Provider]) -> Endpoint:
        """Where the provider finds its service, and the key for it, which may be missing: see `missing_key`.

        The provider's settings hold the name of the key's variable as `key_env`, for its messages.
        """
        name, key = self._key_env(model, provider), self._key(model, provider)
        if key is not None and key not in self._secrets:
            # longest first, so that a key within another leaves no rest of that one
            self._secrets = sorted([*self._secrets, key], key=lambda k: (-len(k), k))
        settings = {**model.settings, "key_env": name} if name else dict(model.settings)
        return Endpoint(model.base_url, key, model.timeout, settings)

    def missing_key(self, model: Model, provider: type[Provider]) -> str | None:
        """A sentence when this model needs a key that is not there; None otherwise.

        A service at a `base_url` may do without (local servers do), unless its table names a variable.
        """
        name = self._key_env(model, provider)
        needed = model.key_env or (provider.needs_key and model.base_url is None)
        if not name or not needed or self._key(model, provider) is not None:
            return None
        file = self.env_file
        lacks = "which does not set it" if file.is_file() else "which does not exist"
        if self._unreadable:  # only told where it matters: the file may be another program's, too
            lacks += f" (its line {self._unreadable[0]} is no NAME=value)"
        return f"{model.ref} needs a key: set {name} in the environment, or write {name}=… into {file}, {lacks}"

    def _key_env(self, model: Model, provider: type[Provider]) -> str | None:
        return provider.key_env if model.key_env is None else model.key_env

    def _key(self, model: Model, provider: type[Provider]) -> str | None:
        name = self._key_env(model, provider)
        key = self._variable(name) if name else None
        if key is not None and not (key.isascii() and key.isprintable()):
            place = "the environment" if os.environ.get(name or "", "").strip() else self.env_file
            raise ConfigError(f"the key {name} in {place} holds characters that no key has: copy it again")
        return key

    def _variable(self, name: str) -> str | None:
        """A variable's value from the environment, else from the env file; an empty one is none."""
        if self._keys is not None:
            return self._keys.variables.get(name)
        return os.environ.get(name, "").strip() or self._env.get(name, "").strip() or None

    def variables(self, model: Model, provider: type[Provider]) -> dict[str, str]:
        """The variables that tell where a model is and hold its key, as far as they are set."""
        names = [self._key_env(model, provider), OWN[model.provider][0] if model.provider in OWN else None]
        return {name: value for name in names if name and (value := self._variable(name)) is not None}

    def environ(self, name: str) -> str | None:
        """A variable of the environment as it is, for what reads it there itself."""
        return self._keys.environment.get(name) if self._keys is not None else os.environ.get(name)

    @property
    def env_file(self) -> Path:
        """The env file that is looked at. A relative path is seen from the file that names it; one in
        SYNTHKIT_ENV_FILE from the working folder."""
        if named := os.environ.get(ENV_FILE):
            return Path.cwd() / Path(named).expanduser()
        return self.folder / Path(self._settings.env_file or ".env").expanduser()

    @cached_property
    def _env(self) -> Mapping[str, str]:
        file = self.env_file
        if not file.is_file():
            if os.environ.get(ENV_FILE):
                raise ConfigError(f"{ENV_FILE} names {file}, which is no file: correct it, or make the file")
            if self._settings.env_file:
                raise ConfigError(
                    f"{self.file}, `env_file` names {file}, which is no file: correct it, or make the file"
                )
            return {}
        from dotenv.parser import parse_stream

        try:
            with file.open(encoding="utf-8-sig") as stream:
                bindings = list(parse_stream(stream))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"the env file {file} cannot be read: make it a readable file in UTF-8") from error
        self._unreadable = [binding.original.line for binding in bindings if binding.error]
        return {binding.key: binding.value for binding in bindings if binding.key and binding.value}

    @property
    def secrets(self) -> tuple[str, ...]:
        """The keys resolved so far, the longest first."""
        return tuple(self._secrets)

    def redact(self, text: str, *, pieces: bool = True) -> str:
        """The text with each key resolved so far hidden, and long beginnings and ends of one, which services repeat.
        pieces: False for JSON, where a piece may end within an escape."""
        for key in self._secrets:
            if len(key) >= SHORTEST:
                text = text.replace(key, "***")
                if (escaped := json.dumps(key)[1:-1]) != key:  # as JSON has it, with quotes in it
                    text = text.replace(escaped, "***")
            if pieces and len(key) > 2 * PIECE:
                text = _without_pieces(text, key)
        return text

    def redact_body(self, body: str) -> str:
        """A body without the keys, in whatever JSON's escapes a server repeats them."""
        body = self.redact(body, pieces=False)
        if "\\u" not in body and "\\/" not in body:
            return body
        plain = ESCAPE.sub(lambda m: "/" if m[1] is None else chr(int(m[1], 16)), body)
        hidden = self.redact(plain, pieces=False)
        if hidden == plain:
            return body
        try:
            return self.redact(json.dumps(json.loads(body), ensure_ascii=False), pieces=False)
        except ValueError:
            return hidden


def _without_pieces(text: str, key: str) -> str:
    """The text without the first or last characters of a key, `PIECE` of them or more."""
    for start in (True, False):
        piece = key[:PIECE] if start else key[-PIECE:]
        at = text.find(piece)
        while at >= 0:
            end = at + PIECE
            if start:
                while end < len(text) and text[at : end + 1] == key[: end + 1 - at]:
                    end += 1
            else:
                while at > 0 and key.endswith(text[at - 1 : end]):
                    at -= 1
            text = f"{text[:at]}***{text[end:]}"
            at = text.find(piece)
    return text


def _price(table: PriceTable) -> Price:
    batch = None
    if table.batch_input is not None and table.batch_output is not None:
        batch = Price(table.batch_input, table.batch_output, table.cached, written=table.written)
    return Price(table.input, table.output, table.cached, written=table.written, batch=batch)


def find_project(start: Path | None = None) -> Project:
    """The project of a folder or file: the nearest folder upward with a synthkit.toml, else that folder itself.

    start: the working folder by default. Raises `ConfigError` when synthkit.toml cannot be used.
    """
    here = (start or Path.cwd()).resolve()
    if here.is_file():
        here = here.parent
    for folder in (here, *here.parents):
        if (folder / FILE).is_file():
            return Project(folder, read_settings(folder / FILE))
    return Project(here)


def _plain(url: str) -> str:
    """Where a service is, in one spelling: no user, query or trailing slash."""
    parts = urlsplit(url)
    return f"{parts.scheme.lower()}://{parts.netloc.rpartition('@')[2].lower()}{parts.path.rstrip('/')}"
