"""Nobody is told anything: commands reach the models' service and no other address, in the command's own process and in
those that it starts."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_kit import Said, environment, process

from synthkit.testing import LoopbackServer

WATCH = """
import json, os, sys

def told(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        where = arguments[1]
    elif event.startswith("socket.get") and event not in ("socket.gethostname", "socket.getservbyname"):
        where = arguments[0]
    elif event == "subprocess.Popen":
        where = "a process: " + repr(arguments[1])
    else:
        return
    where = list(where) if isinstance(where, tuple) else where if isinstance(where, str) else repr(where)
    line = json.dumps([event, where]) + "\\n"
    file = os.open(os.environ["WATCHED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, line.encode())
    os.close(file)

sys.addaudithook(told)
"""
"""Python runs it when it starts. It writes down every address that is looked up or connected to, whoever does it, and
every process that is started."""
PIPELINE = """
import synthkit as sk
from synthkit.filters import MinHashDedup, Rules


@sk.generator(writes="city")
def cities():
    for city in ("Rome", "Oslo", "Lima", "Bari"):
        yield {"city": city}


class Describe(sk.Prompt):
    '''Describes a city.'''

    template = "Describe {{ city }}."


def pipeline(model: str = "demo/default") -> sk.Pipeline:
    '''A description of each city.'''
    described = sk.Pipeline("cities") >> cities >> Describe(model=model)
    return described >> Rules(min_words={"text": 1}) >> MinHashDedup("text")
"""
HERE = "127.0.0.1"

Watched = Callable[..., tuple[Said, list[list[object]]]]


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Runs a command in a project with a pipeline; what it said, and whom it reached."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-loopback-0123456789abcdef")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-loopback-0123456789abcdef")
    (tmp_path / "cities.py").write_text(PIPELINE)
    hooks, log = tmp_path / "hooks", tmp_path / "watched.jsonl"
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(WATCH)

    def run(*arguments: str) -> tuple[Said, list[list[object]]]:
        log.unlink(missing_ok=True)
        said = process(*arguments, cwd=tmp_path, env=environment(PYTHONPATH=str(hooks), WATCHED=str(log)))
        return said, [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    return run


COMMANDS = {
    "help": ["--help"],
    "version": ["--version"],
    "components": ["components", "list"],
    "plugins": ["plugins", "list"],
    "check, with prices": ["check", "cities.py", "--model", "openai/gpt-4o-mini", "--budget", "1"],
    "run": ["run", "cities.py", "--quiet", "--seed", "2", "--budget", "1"],
    "preview": ["preview", "cities.py"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_without_a_service_reaches_nobody(watched: Watched, name: str) -> None:
    said, reached = watched(*COMMANDS[name])
    assert said.code == 0, said.err
    assert reached == []


@pytest.mark.parametrize("provider", ["openai", "openai-responses", "anthropic"])
def test_a_run_reaches_its_service_alone(watched: Watched, tmp_path: Path, provider: str) -> None:
    with LoopbackServer() as server:
        url = server.url.removesuffix("/v1") if provider == "anthropic" else server.url
        (tmp_path / "synthkit.toml").write_text(f'[models.m]\nuse = "{provider}/m"\nbase_url = "{url}"\n')
        said, reached = watched("run", "cities.py", "--model", "m", "--quiet")
        assert said.code == 0, said.err
        assert server.count == 4
        assert ["socket.connect", [HERE, server.port]] in reached, "the watch works"
        assert all(where in ([HERE, server.port], HERE) for _, where in reached), reached
