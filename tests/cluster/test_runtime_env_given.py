"""What may be asked for by `--runtime-env`, and what is sent of distributions that no registry has."""

import json
import subprocess
import sys
from importlib import metadata
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from synthkit import Pipeline, Prompt
from synthkit.cli.main import main
from synthkit.engine import control
from synthkit.engine.cluster import runtime_env, shipment
from synthkit.engine.cluster.address import Where
from synthkit.engine.cluster.equipment import Equipment
from synthkit.engine.cluster.runtime_env import Fitted, Fitting, Given, RuntimeEnv, asked, failed, fitted
from synthkit.engine.monitor import Monitor
from synthkit.errors import ConfigError, RunError
from synthkit.generators import Rows
from synthkit.models.keys import Keys

KEY = "sk-in-no-runtime-env-0123456789"
KEYS = Keys({"OPENAI_API_KEY": KEY}, {"OPENAI_ORG_ID": None}, (KEY,))


def test_nothing_is_nothing_and_alone_is_what_the_run_needs() -> None:
    assert asked(None, None) is None
    assert asked(False, Where()) is None
    assert asked(True, Where("auto")) == asked("", Where("auto")) == RuntimeEnv()


@pytest.mark.parametrize(
    ("given", "said"),
    [(True, " --runtime-env"), ("nodes.json", " --runtime-env nodes.json"), ({"pip": ["nltk"]}, ""), (None, "")],
)
def test_the_command_that_goes_on_with_a_run_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Given, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("nodes.json").write_text('{"pip": ["nltk"]}')
    env = asked(given, Where("auto"))
    state = {"ray": "auto", "runtime_env": env.value if env else None}
    monkeypatch.setattr(control, "read_state", lambda folder: state)
    assert control.go_on(Path("one")) == f"synthkit resume one --ray auto{said}"


def test_it_is_for_runs_on_ray() -> None:
    with pytest.raises(ConfigError, match=r"^--runtime-env installs .* on Ray: give --ray, too$"):
        asked(True, None)
    pipeline = Pipeline("p") >> Rows([{"text": "a"}]) >> Prompt(model="demo/default", template="{{ text }}", into="b")
    with pytest.raises(ConfigError, match="give --ray, too"):
        pipeline.run(runtime_env=True)


@pytest.mark.parametrize("name", ["env.yaml", "env.json"])
def test_a_file_is_yaml_or_json_and_read_as_ray_reads_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "needs.txt").write_text("nltk==3.9\n")
    given = {"pip": str(tmp_path / "needs.txt"), "env_vars": {"HELLO": "there"}}
    (tmp_path / name).write_text(json.dumps(given))
    made = asked(tmp_path / name, Where("auto"))
    assert made is not None and made.given is not None
    assert made.given["pip"]["packages"] == ["nltk==3.9"]
    assert made.given["env_vars"] == {"HELLO": "there"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- pip\n", "env.yaml is no runtime env, which is a mapping of fields, as `pip: [nltk==3.9]`, but a list"),
        ("", "but empty"),
        ("pip: [\n", "env.yaml, line 2 is no YAML"),
        ("pips: [nltk]\n", "env.yaml: a runtime env has no field 'pips'; did you mean 'pip'?"),
        ("working_dir: .\n", "env.yaml: leave out working_dir: the pipeline file, its modules and the files"),
        ("pip: [1]\n", "env.yaml: runtime_env['pip'] must be of type str or List[str]"),
        ("pip: [a]\nconda: b\n", "cannot be specified at the same time"),
        ("pip: lacking.txt\n", "env.yaml: lacking.txt is not a valid file"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "env.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        asked(str(tmp_path / "env.yaml"), Where("auto"))
    assert str(caught.value).startswith(f"--runtime-env{':' if 'YAML' in said else ''} {tmp_path}")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"lacking.yaml cannot be read \(No such file or directory\)"):
        asked(tmp_path / "lacking.yaml", Where("auto"))
    with pytest.raises(ConfigError, match=r"p.py is a pipeline, not a runtime env: write --runtime-env behind FILE"):
        asked("p.py", Where("auto"))
    (tmp_path / "env.json").write_text("{'pip': []}")
    with pytest.raises(ConfigError, match=r"env.json is no JSON \(.*line 1"):
        asked(tmp_path / "env.json", Where("auto"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"env_vars": {"OPENAI_API_KEY": "another"}}, "runtime_env sets OPENAI_API_KEY: leave it out"),
        ({"env_vars": {"OPENAI_ORG_ID": "x"}}, "runtime_env sets OPENAI_ORG_ID"),
        ({"env_vars": {"OTHER": f"Bearer {KEY}"}}, "runtime_env: env_vars holds a key"),
        ({"pip": {"packages": [f"x @ https://{KEY}@there/x.whl"]}}, "runtime_env: pip holds a key"),
        ({"env_vars": {KEY: "x"}}, "runtime_env: env_vars holds a key"),
    ],
)
def test_a_key_is_refused_and_not_repeated(given: dict[str, Any], said: str) -> None:
    made = asked(given, Where("auto"))
    assert made is not None
    with pytest.raises(ConfigError) as caught:
        made.check(KEYS)
    assert said in str(caught.value)
    assert "keys of models travel on their own" in str(caught.value)
    assert KEY not in str(caught.value)
    made.check(Keys())
    RuntimeEnv().check(KEYS)


def test_the_command_line_refuses_it_before_a_folder_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.py").write_text(
        "from synthkit import Pipeline\nfrom synthkit.generators import Rows\n"
        "def pipeline():\n    return Pipeline('p') >> Rows([{'text': 'a'}])\n"
    )
    for given, said in [
        (["p.py", "--runtime-env"], "give --ray, too"),
        (["p.py", "--ray", "--runtime-env", "no.yaml"], "no.yaml cannot be read"),
    ]:
        with pytest.raises(SystemExit) as ended:
            main(["run", *given])
        assert ended.value.code == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "Traceback\nERROR: Could not find a\n  ERROR: No matching distribution found for a==1\n",
            "No matching .* a==1$",
        ),
        (
            "Traceback (most recent call last):\nValueError: it is broken.\n",
            "cannot be set up: ValueError: it is broken$",
        ),
        ("ERROR: cannot get https://me:secret@there/simple", r"cannot get https://there/simple$"),
        (
            "Please install virtualenv `/x -m pip install virtualenv`to enable",
            r"^--runtime-env: a node lacks virtualenv",
        ),
        ("", "nobody knows why"),
    ],
)
def test_what_failed_is_pips_last_line(text: str, said: str) -> None:
    with pytest.raises(RunError, match=said) as caught:
        raise failed(text)
    assert "secret" not in str(caught.value)


def test_what_lanes_wait_for_is_told_until_the_first_is_there() -> None:
    monitor = Monitor()
    fitting = Fitting(Fitted({}, tuple("abcdef")), monitor)
    with fitting:
        assert monitor.awaits == "setting up the lanes, which may take minutes: a, b, c, d, 2 more"
        with fitting:
            pass
        assert monitor.awaits == ""
    with fitting:
        assert monitor.awaits == ""


def dist(folder: Path, name: str, direct: dict[str, Any] | None = None, requires: str = "") -> None:
    """Installs a distribution with one module, a script and a template; an editable one stands in a folder `code`."""
    editable = direct is not None and "dir_info" in direct
    info = folder / f"{name}-2.0.dist-info"
    info.mkdir(parents=True)
    home = folder / "code" if editable else folder
    (home / name).mkdir(parents=True)
    (home / name / "__init__.py").write_text("here = 'there'\n")
    (home / name / "page.html").write_text("<p>")
    (home / name / ".env").write_text(f"KEY={KEY}")
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.0\n{needs}")
    files = [f"../../bin/{name}", f"{name}-2.0.dist-info/METADATA", f"{name}-2.0.dist-info/RECORD"]
    files += [f"{name}.pth"] if editable else [f"{name}/__init__.py", f"{name}/page.html"]
    if direct is not None:
        (info / "direct_url.json").write_text(json.dumps(direct))
        files.append(f"{name}-2.0.dist-info/direct_url.json")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))


@pytest.fixture
def uploads(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What would be sent to the cluster."""
    found: list[bytes] = []

    def sent(data: bytes, run: str) -> str:
        found.append(data)
        return f"gcs://{run}-{len(found)}.zip"

    monkeypatch.setattr(shipment, "sent", sent)
    return found


LOCAL: list[dict[str, Any]] = [
    {"url": "file:///there/brought"},
    {"url": "file:///there/brought", "dir_info": {"editable": True}},
]


@pytest.mark.parametrize("direct", LOCAL)
def test_what_no_registry_has_is_sent_with_what_it_requires(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uploads: list[bytes], direct: dict[str, Any]
) -> None:
    dist(tmp_path, "brought", direct, 'jinja2[i18n]>=3; python_version > "3"')
    dist(tmp_path, "cloned", {"url": "https://there/x", "vcs_info": {"vcs": "git", "commit_id": "abc"}})
    monkeypatch.syspath_prepend(tmp_path / "code")
    monkeypatch.syspath_prepend(tmp_path)
    needs = Equipment("here", {"Python": "3.11", "ray": "2.60.0", "brought": "2.0", "cloned": "2.0"})
    made = fitted(RuntimeEnv(), needs, Keys(), "run1")
    version = metadata.version("jinja2")
    assert made.env["pip"] == ["cloned @ git+https://there/x@abc", f"Jinja2[i18n]=={version}"]
    assert made.env["py_modules"] == ["gcs://run1-1.zip"] == list(made.sent)
    assert made.env["config"] == {"setup_timeout_seconds": 3600}
    assert made.installs == ("brought 2.0", "cloned 2.0", f"Jinja2 {version}")
    with ZipFile(BytesIO(uploads[0])) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "lane")
    assert names == ["brought-2.0.dist-info/METADATA", "brought/__init__.py", "brought/page.html"]
    code = "import brought\nfrom importlib import metadata\nprint(brought.here, metadata.version('brought'))"
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "lane", capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["there", "2.0"]
    assert fitted(RuntimeEnv(), needs, Keys(), "run1") and uploads[0] == uploads[1], "the same is the same bytes"


def test_an_editable_one_whose_modules_nobody_finds_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dist(tmp_path, "brought", LOCAL[1])
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="brought is installed from file:///there/brought, editable, and its modules"):
        fitted(RuntimeEnv(), Equipment("here", {"brought": "2.0"}), Keys(), "run1")


def test_local_modules_of_ones_own_are_sent_without_keys(tmp_path: Path, uploads: list[bytes]) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "__init__.py").write_text("")
    given = {"py_modules": [str(tmp_path / "mine"), "https://there/x.zip"], "config": {"setup_timeout_seconds": 9}}
    made = asked(given, Where("auto"))
    assert made is not None
    gets = fitted(made, Equipment("here"), KEYS, "run1")
    assert gets.installs == ("config, py_modules of runtime_env",)
    env = gets.env
    assert env == {"py_modules": ["gcs://run1-1.zip", "https://there/x.zip"], "config": env["config"]}
    assert env["config"]["setup_timeout_seconds"] == 9
    with ZipFile(BytesIO(uploads[0])) as archive:
        assert archive.namelist() == ["mine/__init__.py"]
    (tmp_path / "mine" / "__init__.py").write_text(f"key = '{KEY}'")
    with pytest.raises(ConfigError, match=r"mine/__init__\.py, which is sent to the cluster, holds a key") as caught:
        fitted(made, Equipment("here"), KEYS, "run1")
    assert KEY not in str(caught.value)


def test_a_wheel_of_ones_own_is_no_module(tmp_path: Path) -> None:
    (tmp_path / "x.whl").write_bytes(b"")
    made = asked({"py_modules": [str(tmp_path / "x.whl")]}, Where("auto"))
    assert made is not None
    with pytest.raises(ConfigError, match=r"x\.whl in py_modules is a wheel: install it here and write --runtime-env"):
        runtime_env.fitted(made, Equipment("here"), KEYS, "run1")
