"""synthkit.toml: what may stand in it, and what is said of one that cannot be used."""

import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationError

from synthkit.core.columns import hint
from synthkit.errors import ConfigError

FILE = "synthkit.toml"
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
KEY_NAME = re.compile(r"(api|access|auth|secret)?(key|token)|secret|password|authorization|bearer")
"""What settings that hold a key are called, hyphens and underscores left out."""
KEY = re.compile(r"(sk|rk|gsk|hf|xai|pplx|nvapi)[-_][A-Za-z0-9_-]{16,}|Bearer\s+\S+")
"""How keys of the large services begin."""


def _number(value: object) -> Decimal:
    if isinstance(value, Decimal):  # from another process, which has read it already
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(str(value))
    raise ValueError("must be a number of dollars for a million tokens")


def _stop(value: object) -> object:
    if isinstance(value, str) or (isinstance(value, list) and value and all(isinstance(v, str) for v in value)):
        return value
    raise ValueError("must be a text or a list of texts")


def _variable(name: str) -> str:
    if name and not VARIABLE.fullmatch(name):  # often the key itself: it must not be repeated
        raise ValueError('must be the name of an environment variable, as in "OPENAI_API_KEY", not the key itself')
    return name


def _use(name: str) -> str:
    provider, _, model = name.partition("/")
    if not provider or not model:
        raise ValueError(f'must be "provider/name", as in "openai/qwen3", and is {name!r}')
    return name


def checked_url(url: str) -> str:
    """The URL itself, if a service can be at it. Raises `ValueError`, which never repeats a password."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError('is no URL: write one as "http://localhost:8000/v1"') from None
    if "@" in parts.netloc:
        raise ValueError("holds a user and a password: take them out, and name a variable with `api_key_env`")
    if parts.scheme not in ("http", "https") or not host or re.search(r"\s", url):
        raise ValueError('is no URL of a service: write one as "http://localhost:8000/v1"')
    if any(_key_like(name) for name, _ in parse_qsl(parts.query)):
        raise ValueError("holds a key behind the `?`: take it out, and name a variable with `api_key_env`")
    return url


def _hedge(given: object) -> bool | float:
    if isinstance(given, bool) or (isinstance(given, int | float) and 1.5 <= given < math.inf):
        return given
    raise ValueError("must be true or false, or a number from 1.5 on")


Dollars = Annotated[Decimal, BeforeValidator(_number), Field(ge=0)]
Finite = {"allow_inf_nan": False}
PerMinute = Annotated[float, Field(gt=0, **Finite)]


class Table(BaseModel):
    """A table of the file: TOML has types, so nothing is converted, and nothing unknown is passed over."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class ModelTable(Table):
    """`[models.teacher]`: a model by a name of one's own.

    use: the model, as `provider/name`. base_url: where it is, for a server of one's own or another service that speaks
    the provider's protocol; by default the provider's own service. endpoint: what tells this service apart in the
    journal's keys, so that it may move without losing its answers; by default its base_url. concurrency: calls at once,
    64 if nothing is said. timeout: seconds for one attempt. api_key_env: the environment variable that holds the key,
    "" where none shall be sent; by default the provider's. structured: how JSON schemas go out, "native" or as words in
    the "prompt"; by default natively where the provider can. settings: for the provider alone, which says what it
    takes. hedge: false, and no request is sent a second time because the first takes far too long; a
    number: so many times what answers of its kind take is too long, in the place of 3.

    requests_per_minute, tokens_per_minute, input_tokens_per_minute, output_tokens_per_minute: limits of one's own, kept
    beside those that the service tells of.

    temperature, top_p, max_tokens, stop, presence_penalty, frequency_penalty, seed, top_k, min_p, repetition_penalty,
    reasoning_effort: a sampling option for all questions to this model, where the pipeline does not say another.
    extra: options that have no common name, handed to the service as they are.
    """

    use: Annotated[str, AfterValidator(_use)]
    base_url: Annotated[str, AfterValidator(checked_url)] | None = None
    endpoint: Annotated[str, Field(min_length=1)] | None = None
    concurrency: Annotated[int, Field(ge=1)] | None = None
    timeout: Annotated[float, Field(gt=0, **Finite)] = 120.0
    api_key_env: Annotated[str, AfterValidator(_variable)] | None = None
    structured: Literal["native", "prompt"] | None = None
    requests_per_minute: PerMinute | None = None
    tokens_per_minute: PerMinute | None = None
    input_tokens_per_minute: PerMinute | None = None
    output_tokens_per_minute: PerMinute | None = None
    hedge: Annotated[bool | float, PlainValidator(_hedge)] = True
    settings: dict[str, Any] = {}
    temperature: Annotated[float, Field(ge=0, **Finite)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    stop: Annotated[Any, BeforeValidator(_stop)] | None = None
    presence_penalty: Annotated[float, Field(**Finite)] | None = None
    frequency_penalty: Annotated[float, Field(**Finite)] | None = None
    seed: int | None = None
    top_k: Annotated[int, Field(ge=-1)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0, **Finite)] | None = None
    reasoning_effort: Annotated[str, Field(min_length=1)] | None = None
    extra: dict[str, Any] | None = None


class PriceTable(Table):
    """`[prices."openai/qwen3"]`: dollars for a million tokens, over the list that synthkit brings.

    input: of the questions. output: of the answers. cached: of the part of the input that the service had in its cache.
    written: of the part of the input that it wrote into its cache; by default as `input`. batch_input, batch_output: of
    questions and answers in the service's batches, if it takes any; `cached` and `written` hold there, too.
    """

    input: Dollars
    output: Dollars
    cached: Dollars | None = None
    written: Dollars | None = None
    batch_input: Dollars | None = None
    batch_output: Dollars | None = None


class Settings(Table):
    """The whole file.

    env_file: a file with keys, relative to this one; by default `.env` beside it. models: tables `[models.NAME]`,
    whose names pipelines may use for models. prices: tables `[prices.NAME]`, by `provider/name` or the name of a
    model's table.
    """

    env_file: Annotated[str, Field(min_length=1)] | None = None
    models: dict[str, ModelTable] = {}
    prices: dict[str, PriceTable] = {}

    def form(self) -> dict[str, Any]:
        """As plain values, without the env file: its keys travel on their own."""
        return self.model_dump(exclude_unset=True, exclude={"env_file"})

    @classmethod
    def of(cls, form: Mapping[str, Any]) -> "Settings":
        return cls.model_validate(form)


def read_settings(path: Path) -> Settings:
    """Reads the file. Raises `ConfigError` with a sentence for each thing that is wrong: file, table, key, remedy."""
    try:
        raw = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}): make it readable") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 at byte {error.start}: save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        _raise_broken(path, error)
    for where in _keys(raw, ()):
        raise ConfigError(
            f"{path}, {_place(where)} holds a key: keys do not belong into a file that is shared, so put it into the "
            'environment or the env file, and name its variable there: api_key_env = "MY_KEY"'
        )
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        said = [f"{path}, {_sentence(e['loc'], e['type'], e['msg'])}" for e in error.errors(include_input=False)]
        raise ConfigError(*said) from None  # the cause would repeat values
    _names(path, settings)
    return settings


def _raise_broken(path: Path, error: tomllib.TOMLDecodeError) -> NoReturn:
    text = str(error)
    found = re.search(r" \(at line (\d+), column \d+\)", text)
    where = f"line {found[1]}" if found else "at its end"
    said = re.sub(r" \(at .*\)$", "", text)
    raise ConfigError(f"{path}, {where}: {said[:1].lower()}{said[1:]}; correct the TOML there") from error


def _names(path: Path, settings: Settings) -> None:
    for name in settings.models:
        if "/" in name or not name:
            raise ConfigError(
                f"{path}, {_place(('models', name))} has a slash in its name, or none: choose a plain one, as in "
                "[models.teacher], and write `provider/name` behind `use`"
            )
    for name in settings.prices:
        if "/" not in name and name not in settings.models:
            raise ConfigError(
                f"{path}, {_place(('prices', name))} prices no model: name one of [models], or `provider/name` in "
                f"quotes{hint(name, settings.models, 'models there are')}"
            )
    for name, price in settings.prices.items():
        if (price.batch_input is None) != (price.batch_output is None):
            lacks = "batch_input" if price.batch_input is None else "batch_output"
            raise ConfigError(f"{path}, {_place(('prices', name))} lacks `{lacks}`, its other half: add it")


def _key_like(name: str) -> bool:
    return KEY_NAME.fullmatch(re.sub(r"[^a-z]", "", name.lower())) is not None


def _keys(value: object, where: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Where a text stands that is a key, going by its name or its look."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if isinstance(inner, str) and (_key_like(name) or KEY.match(inner)):
                yield (*where, name)
            yield from _keys(inner, (*where, name))
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, str) and KEY.match(inner):
                yield where
            yield from _keys(inner, where)


def _place(where: Sequence[str | int]) -> str:
    """`[models.teacher] concurrency`."""

    def part(name: str | int) -> str:
        return name if re.fullmatch(r"[A-Za-z0-9_-]+", str(name)) and isinstance(name, str) else f'"{name}"'

    if len(where) == 1:
        return f"`{where[0]}`"
    table = f"[{'.'.join(map(part, where[:2]))}]"
    return " ".join([table, f"`{'.'.join(map(str, where[2:]))}`"]) if len(where) > 2 else table


def _sentence(where: Sequence[str | int], kind: str, said: str) -> str:
    tables: Mapping[str | int, type[Table]] = {"models": ModelTable, "prices": PriceTable}
    fields = Settings.model_fields if len(where) == 1 else tables[where[0]].model_fields
    if kind == "extra_forbidden":
        return f"{_place(where)} is no setting{hint(str(where[-1]), fields)}"
    if kind == "missing":
        return f"{_place(where[:-1])} lacks `{where[-1]}`: add it"
    if kind in ("model_type", "dict_type"):
        return f"{_place(where)} must be a table"
    said = re.sub(r"^Value error, ", "", said).replace("Input should be", "must be")
    return f"{_place(where)} {said[:1].lower()}{said[1:]}"
