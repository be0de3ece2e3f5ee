"""The project: folder, synthkit.toml, models, keys."""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import pytest

from synthkit.core import Provider, Reply, Request
from synthkit.errors import ConfigError
from synthkit.models.prices import Price
from synthkit.models.project import Project, find_project

SECRET = "sk-proj-abcdefghijklmnop1234"


class Keyed(Provider):
    key_env: ClassVar[str | None] = "KEYED_API_KEY"

    async def call(self, request: Request, sample: str) -> str:
        raise NotImplementedError

    def parse(self, body: str) -> Reply:
        raise NotImplementedError


class Keyless(Keyed):
    key_env: ClassVar[str | None] = None
    needs_key = False


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "SYNTHKIT_", "KEYED_")):
            monkeypatch.delenv(name)


def project(folder: Path, toml: str) -> Project:
    (folder / "synthkit.toml").write_text(toml, encoding="utf-8")
    return find_project(folder)


def refusal(folder: Path, toml: str) -> str:
    with pytest.raises(ConfigError) as caught:
        project(folder, toml)
    return str(caught.value)


# the folder


def test_the_nearest_folder_upward_with_a_toml_is_the_project(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "synthkit.toml").write_text("")
    (inner / "pipeline.py").write_text("")
    for start in (inner, inner / "pipeline.py", tmp_path):
        found = find_project(start)
        assert found.folder == tmp_path.resolve()
    assert found.journal == tmp_path.resolve() / ".synthkit" / "journal"
    assert found.runs == tmp_path.resolve() / "runs"


def test_without_a_toml_the_folder_itself_is_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_project(tmp_path).folder == tmp_path.resolve()
    monkeypatch.chdir(tmp_path)
    assert find_project().folder == tmp_path.resolve()
    assert find_project().model("demo/default").provider == "demo"


# models


def test_a_model_by_provider_and_name(tmp_path: Path) -> None:
    model = find_project(tmp_path).model("openai/Qwen/Qwen3-8B")
    assert (model.ref, model.provider, model.name) == ("openai/Qwen/Qwen3-8B", "openai", "Qwen/Qwen3-8B")
    assert (model.base_url, model.endpoint, model.concurrency, model.timeout) == (None, "", None, 120.0)
    assert (dict(model.options), model.structured, model.key_env, dict(model.settings)) == ({}, None, None, {})


def test_a_model_with_all_there_is(tmp_path: Path) -> None:
    model = project(
        tmp_path,
        """
        [models.teacher]
        use = "openai/Qwen/Qwen3-8B"
        base_url = "http://LocalHost:8000/v1/?api-version=2"
        concurrency = 32
        timeout = 30
        api_key_env = "MY_KEY"
        structured = "prompt"
        temperature = 1
        top_p = 0.5
        max_tokens = 100
        stop = ["\\n", "END"]
        presence_penalty = -1.5
        frequency_penalty = 2
        [models.teacher.settings]
        organization = "org"
        """,
    ).model("teacher")
    assert (model.ref, model.provider, model.name) == ("teacher", "openai", "Qwen/Qwen3-8B")
    assert model.base_url == "http://LocalHost:8000/v1/?api-version=2"
    assert model.endpoint == "http://localhost:8000/v1"
    assert (model.concurrency, model.timeout, model.key_env, model.structured) == (32, 30.0, "MY_KEY", "prompt")
    assert model.options == {
        "temperature": 1.0,
        "top_p": 0.5,
        "max_tokens": 100,
        "stop": ["\n", "END"],
        "presence_penalty": -1.5,
        "frequency_penalty": 2.0,
    }
    assert model.settings == {"organization": "org"}


def test_a_named_endpoint_takes_the_place_of_the_url(tmp_path: Path) -> None:
    toml = '[models.a]\nuse = "openai/m"\nbase_url = "http://127.0.0.1:8123/v1"\nendpoint = "lab"'
    assert project(tmp_path, toml).model("a").endpoint == "lab"


def test_an_unknown_model_names_the_nearest_and_the_other_form(tmp_path: Path) -> None:
    there = project(tmp_path, '[models.teacher]\nuse = "openai/m"\n[models.judge]\nuse = "openai/n"')
    assert there.names == ("judge", "teacher")
    with pytest.raises(ConfigError, match=r"no model is called 'techer'.*provider/name.*did you mean 'teacher'\?"):
        there.model("techer")
    with pytest.raises(ConfigError, match=r"models there are: judge, teacher"):
        there.model("x")
    for ref in ("", "openai/", "/m"):
        with pytest.raises(ConfigError, match="provider/name"):
            there.model(ref)


def test_the_sdks_variable_moves_the_service_and_the_journal_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = project(tmp_path, '[models.a]\nuse = "openai/m"\nbase_url = "http://here/v1"')
    monkeypatch.setenv("OPENAI_BASE_URL", "http://gateway:9/v1/")
    model = there.model("openai/m")
    assert (model.base_url, model.endpoint) == ("http://gateway:9/v1/", "http://gateway:9/v1")
    assert there.model("a").endpoint == "http://here/v1"
    assert there.model("demo/default").endpoint == ""
    monkeypatch.setenv("OPENAI_BASE_URL", "https://api.openai.com/v1/")
    model = there.model("openai/m")
    assert (model.base_url, model.endpoint) == (None, "")
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://user:{SECRET}@gateway/v1")
    with pytest.raises(ConfigError, match="OPENAI_BASE_URL holds a user and a password") as caught:
        there.model("openai/m")
    assert SECRET not in str(caught.value)


def test_the_sdks_variable_is_read_from_the_env_file_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_BASE_URL=http://gateway:9/v1\n")
    assert find_project(tmp_path).model("openai/m").endpoint == "http://gateway:9/v1"


# keys


def test_a_key_comes_from_the_environment_before_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("KEYED_API_KEY=from-the-file\n")
    there = find_project(tmp_path)
    model = there.model("keyed/m")
    assert there.endpoint(model, Keyed).key == "from-the-file"
    monkeypatch.setenv("KEYED_API_KEY", " from-the-environment\n")
    endpoint = there.endpoint(model, Keyed)
    assert endpoint.key == "from-the-environment"
    assert endpoint.settings == {"key_env": "KEYED_API_KEY"}
    assert "from-the" not in repr(endpoint)
    assert there.secrets == ("from-the-environment", "from-the-file")


def test_the_env_file_is_read_as_it_stands_and_never_exported(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("\ufeffexport KEYED_API_KEY='a${HOME}b'\nEMPTY=\n", encoding="utf-8")
    there = find_project(tmp_path)
    assert there.endpoint(there.model("keyed/m"), Keyed).key == "a${HOME}b"
    assert "KEYED_API_KEY" not in os.environ


def test_a_models_own_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYED_API_KEY", "the-usual-key")
    monkeypatch.setenv("MINE", "my-own-key")
    there = project(
        tmp_path,
        '[models.a]\nuse = "keyed/m"\napi_key_env = "MINE"\n[models.b]\nuse = "keyed/m"\napi_key_env = ""\n'
        '[models.c]\nuse = "keyed/m"\nbase_url = "http://local/v1"',
    )
    assert there.endpoint(there.model("a"), Keyed).key == "my-own-key"
    assert there.endpoint(there.model("b"), Keyed).key is None
    assert there.missing_key(there.model("b"), Keyed) is None
    assert there.endpoint(there.model("c"), Keyed).key == "the-usual-key"
    assert there.endpoint(there.model("c"), Keyed).base_url == "http://local/v1"
    assert there.endpoint(there.model("c"), Keyless).key is None


def test_a_missing_key_is_told_with_variable_file_and_remedy(tmp_path: Path) -> None:
    there = project(
        tmp_path,
        '[models.local]\nuse = "keyed/m"\nbase_url = "http://local/v1"\n'
        '[models.paid]\nuse = "keyed/m"\nbase_url = "http://paid/v1"\napi_key_env = "MINE"',
    )
    file = tmp_path.resolve() / ".env"
    assert there.missing_key(there.model("keyed/m"), Keyed) == (
        "keyed/m needs a key: set KEYED_API_KEY in the environment, or write KEYED_API_KEY=… into "
        f"{file}, which does not exist"
    )
    assert there.missing_key(there.model("local"), Keyed) is None
    assert there.missing_key(there.model("keyed/m"), Keyless) is None
    assert "set MINE in the environment" in (there.missing_key(there.model("paid"), Keyed) or "")
    file.write_text("KEYED_API_KEY=\n")
    assert "which does not set it" in (find_project(tmp_path).missing_key(there.model("keyed/m"), Keyed) or "")
    file.write_text("KEYED_API_KEY=k-123\n")
    assert find_project(tmp_path).missing_key(there.model("keyed/m"), Keyed) is None


def test_another_env_file_by_toml_or_by_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keys.env").write_text("KEYED_API_KEY=by-the-toml\n")
    (tmp_path / "other.env").write_text("KEYED_API_KEY=by-the-variable\n")
    (tmp_path / "synthkit.toml").write_text('env_file = "keys.env"')
    there = find_project(tmp_path)
    assert there.endpoint(there.model("keyed/m"), Keyed).key == "by-the-toml"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("SYNTHKIT_ENV_FILE", "../other.env")
    there = find_project(tmp_path)
    assert there.endpoint(there.model("keyed/m"), Keyed).key == "by-the-variable"


def test_an_env_file_that_is_named_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = project(tmp_path, 'env_file = "keys.env"')
    with pytest.raises(ConfigError, match=r"synthkit.toml, `env_file` names .*keys\.env, which is no file"):
        there.endpoint(there.model("keyed/m"), Keyed)
    monkeypatch.setenv("SYNTHKIT_ENV_FILE", str(tmp_path / "nowhere.env"))
    with pytest.raises(ConfigError, match=r"SYNTHKIT_ENV_FILE names .*nowhere\.env, which is no file"):
        there.endpoint(there.model("keyed/m"), Keyed)


def test_an_env_file_that_is_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"KEYED_API_KEY=\xff\xfe\n")
    there = find_project(tmp_path)
    with pytest.raises(ConfigError, match=r"env file .*\.env cannot be read: make it a readable file in UTF-8"):
        there.endpoint(there.model("keyed/m"), Keyed)


def test_a_key_that_no_header_can_carry_is_refused_and_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = find_project(tmp_path)
    for key in ("sk-“quoted”", "sk-two\nlines"):
        monkeypatch.setenv("KEYED_API_KEY", key)
        with pytest.raises(ConfigError, match="the key KEYED_API_KEY in the environment holds characters") as caught:
            there.endpoint(there.model("keyed/m"), Keyed)
        assert "sk-" not in str(caught.value)


def test_redaction_hides_a_key_as_json_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = 'sk-"quoted\\back/slash0123456789'
    monkeypatch.setenv("KEYED_API_KEY", key)
    there = find_project(tmp_path)
    there.endpoint(there.model("keyed/m"), Keyed)
    body = json.dumps({"echo": f"your key {key}"})
    assert json.loads(there.redact_body(body)) == {"echo": "your key ***"}


def test_redaction_hides_each_key_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = project(
        tmp_path,
        "".join(f'[models.{m}]\nuse = "keyed/m"\napi_key_env = "KEYED_{m}"\n' for m in ("a", "b", "c")),
    )
    assert there.redact("nothing known: 12345678") == "nothing known: 12345678"
    for name, key in {"a": "12345678", "b": "12345678-and-more", "c": "none"}.items():
        monkeypatch.setenv(f"KEYED_{name}", key)
        there.endpoint(there.model(name), Keyed)
    assert there.redact("x 12345678-and-more y 12345678 none") == "x *** y *** none"
    assert there.secrets == ("12345678-and-more", "12345678", "none")


# prices


def test_prices_are_exact_and_by_name(tmp_path: Path) -> None:
    there = project(
        tmp_path,
        '[models.teacher]\nuse = "openai/m"\n[prices.teacher]\ninput = 0.1\noutput = 2\ncached = 0.05\n'
        '[prices."openai/qwen3"]\ninput = 0\noutput = 0.3',
    )
    assert there.prices == {
        "teacher": Price(Decimal("0.1"), Decimal(2), Decimal("0.05")),
        "openai/qwen3": Price(Decimal(0), Decimal("0.3")),
    }


# what is wrong with a synthkit.toml

BROKEN = [
    ('[models.a]\nuse = "openai/m"\nconcurrency = = 3', "synthkit.toml, line 3: invalid value; correct the TOML there"),
    ('[models.a]\nuse = "openai/m"\n[models.a]', "synthkit.toml, line 3: cannot declare"),
    ('[models.a]\nuse = "openai/m', "synthkit.toml, "),
    ("[modles.a]\nuse = 'x/y'", "`modles` is no setting; did you mean 'models'?"),
    (
        "[models.teacher]\nuse = 'a/b'\nbase_ur = 'x'",
        "[models.teacher] `base_ur` is no setting; did you mean 'base_url'?",
    ),
    ("[models.a]\nuse = 'a/b'\nsead = 1", "[models.a] `sead` is no setting"),
    ("[models.a]\nbase_url = 'http://x/v1'", "[models.a] lacks `use`: add it"),
    ("[models.a]\nuse = 'qwen3'", '[models.a] `use` must be "provider/name", as in "openai/qwen3", and is \'qwen3\''),
    ("[models.a]\nuse = 'a/b'\nconcurrency = 0", "[models.a] `concurrency` must be greater than or equal to 1"),
    ("[models.a]\nuse = 'a/b'\nconcurrency = '8'", "[models.a] `concurrency` must be a valid integer"),
    ("[models.a]\nuse = 'a/b'\ntimeout = 0", "[models.a] `timeout` must be greater than 0"),
    ("[models.a]\nuse = 'a/b'\ntemperature = nan", "[models.a] `temperature` must be"),
    ("[models.a]\nuse = 'a/b'\ntemperature = true", "[models.a] `temperature` must be a valid number"),
    ("[models.a]\nuse = 'a/b'\nstop = [1]", "[models.a] `stop` must be a text or a list of texts"),
    ("[models.a]\nuse = 'a/b'\nstructured = 'no'", "[models.a] `structured` must be 'native' or 'prompt'"),
    ("[models.a]\nuse = 'a/b'\nsettings = 3", "[models.a] `settings` must be a table"),
    ("models = 3", "`models` must be a table"),
    ("[models]\na = 'openai/m'", "[models.a] must be a table"),
    ("[models.'a/b']\nuse = 'a/b'", '[models."a/b"] has a slash in its name'),
    ("[models.a]\nuse = 'a/b'\nbase_url = 'localhost:8000'", "[models.a] `base_url` is no URL of a service"),
    ("[models.a]\nuse = 'a/b'\nbase_url = 'http://h:99999/v1'", "[models.a] `base_url` is no URL"),
    ("[prices.techer]\ninput = 1\noutput = 1\n[models.teacher]\nuse = 'a/b'", "[prices.techer] prices no model"),
    ("[prices.'a/b']\ninput = 1", '[prices."a/b"] lacks `output`: add it'),
    ("[prices.'a/b']\ninput = '1'\noutput = 1", '[prices."a/b"] `input` must be a number of dollars'),
    ("[prices.'a/b']\ninput = -1\noutput = 1", '[prices."a/b"] `input` must be greater than or equal to 0'),
    ("[prices.'a/b']\ninput = inf\noutput = 1", '[prices."a/b"] `input` must be a finite number'),
]


@pytest.mark.parametrize(("toml", "said"), BROKEN, ids=[said[:40] for _, said in BROKEN])
def test_what_is_wrong_is_named_with_file_table_and_key(tmp_path: Path, toml: str, said: str) -> None:
    text = refusal(tmp_path, toml)
    assert said in text
    assert all(line.startswith(f"{tmp_path.resolve() / 'synthkit.toml'}, ") for line in text.splitlines())
    assert "pydantic" not in text


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    text = refusal(tmp_path, "[models.a]\nuse = 'x'\ntimeout = 0\n[prices.'a/b']\ninput = 1")
    assert len(text.splitlines()) == 3


def test_a_toml_that_is_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "synthkit.toml").write_bytes(b"env_file = '\xff'")
    with pytest.raises(ConfigError, match=r"synthkit\.toml is not UTF-8 at byte 12"):
        find_project(tmp_path)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    assert project(tmp_path, "\ufeff[models.a]\nuse = 'openai/m'").names == ("a",)


KEYS = [
    f"[models.a]\nuse = 'openai/m'\napi_key = '{SECRET}'",
    f"[models.a]\nuse = 'openai/m'\nAPI-Key = '{SECRET}'",
    f"[models.a]\nuse = 'openai/m'\n[models.a.settings]\ntoken = '{SECRET}'",
    f"[models.a]\nuse = 'openai/m'\n[models.a.settings.headers]\nx = 'Bearer {SECRET}'",
    f"[models.a]\nuse = 'openai/m'\n[models.a.settings]\nlist = ['{SECRET}']",
    f"[models.a]\nuse = 'openai/m'\napi_key_env = '{SECRET}'",
    f"api_key = '{SECRET}'",
    "[models.a]\nuse = 'openai/m'\napi_key = 'short'",
]


@pytest.mark.parametrize("toml", KEYS)
def test_a_key_in_the_toml_is_refused_and_not_repeated(tmp_path: Path, toml: str) -> None:
    text = refusal(tmp_path, toml)
    assert 'name its variable there: api_key_env = "MY_KEY"' in text
    assert SECRET not in text
    assert "short" not in text


def test_a_key_in_api_key_env_that_looks_like_none_is_not_repeated_either(tmp_path: Path) -> None:
    text = refusal(tmp_path, "[models.a]\nuse = 'openai/m'\napi_key_env = 'f00-b4r-b4z'")
    assert "[models.a] `api_key_env` must be the name of an environment variable" in text
    assert "f00" not in text


@pytest.mark.parametrize(
    "url", ["http://me:hunter22@host/v1", "http://hunter22@host/v1", "http://host/v1?api_key=hunter22"]
)
def test_a_base_url_with_a_secret_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    text = refusal(tmp_path, f"[models.a]\nuse = 'openai/m'\nbase_url = '{url}'")
    assert "[models.a] `base_url` holds a" in text
    assert "`api_key_env`" in text
    assert "hunter22" not in text


def test_a_line_of_the_env_file_that_is_none_is_named_where_a_key_is_missing(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\n= sk-secret\nKEYED_KEY=misspelt\n")
    there = find_project(tmp_path)
    said = there.missing_key(there.model("keyed/m"), Keyed)
    assert said is not None and "line 2 is no NAME=value" in said and "sk-secret" not in said


def test_prices_in_batches_are_given_together(tmp_path: Path) -> None:
    table = '[prices."openai/x"]\ninput = 1\noutput = 2\ncached = 0.1\n'
    (tmp_path / "synthkit.toml").write_text(f"{table}batch_input = 0.5\nbatch_output = 1\n")
    batch = find_project(tmp_path).prices["openai/x"].batch
    assert batch is not None and (batch.input, batch.output, batch.cached) == (Decimal("0.5"), 1, Decimal("0.1"))
    (tmp_path / "synthkit.toml").write_text(f"{table}batch_input = 0.5\n")
    with pytest.raises(ConfigError, match=r'\[prices\."openai/x"\] lacks `batch_output`, its other half: add it'):
        find_project(tmp_path)
