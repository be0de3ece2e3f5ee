"""The server as a process: its line, its counts, its end."""

import json
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

import openai
import pytest
from loopback_kit import KEY, process, says, text_of, until

from synthkit.testing import LoopbackServer


def get(url: str, path: str) -> Any:
    with urllib.request.urlopen(url.removesuffix("/v1") + path, timeout=10) as reply:
        return json.load(reply)


def say(url: str, text: str, **options: Any) -> str:
    with openai.OpenAI(base_url=url, api_key=KEY, max_retries=0, timeout=10) as sync:
        return text_of(sync.chat.completions.create(model="m", messages=says(text), **options))


def test_it_serves_counts_and_ends_when_told() -> None:
    with process("--answers", "steady", "--key", KEY, "--latency", "0-0.01") as (child, url):
        assert say(url, "one") == say(url, "one") != say(url, "two")
        stats = get(url, "/stats")
        assert [body["messages"][0]["content"] for body in get(url, "/requests")] == ["one", "one", "two"]
        child.send_signal(signal.SIGTERM)
        out, err = child.communicate(timeout=10)
    assert (child.returncode, out, err) == (0, "", "")
    assert stats == {
        "count": 3,
        "unique": 2,
        "answered": 3,
        "asked_again": 1,
        "in_flight": 0,
        "most_in_flight": 1,
        "left": 0,
        "by_fault": {},
    }


def test_a_killed_server_is_a_lost_connection() -> None:
    with process("--answers", "fresh", "--faults", "hang=1:60") as (child, url):

        def kill() -> None:
            until(lambda: get(url, "/stats")["in_flight"] == 1)
            child.kill()

        killer = threading.Thread(target=kill)
        killer.start()
        with pytest.raises(openai.APIConnectionError) as caught:
            say(url, "hi", timeout=60)
        killer.join()
        assert not isinstance(caught.value, openai.APITimeoutError)
        assert child.wait(timeout=10) == -signal.SIGKILL
        with pytest.raises(openai.APIConnectionError):
            say(url, "hi")


def test_a_killed_client_has_left() -> None:
    code = (
        "import openai, sys\n"
        "sync = openai.OpenAI(base_url=sys.argv[1], api_key='k', max_retries=0)\n"
        "sync.chat.completions.create(model='m', messages=[{'role': 'user', 'content': 'hi'}])\n"
    )
    with LoopbackServer(latency=60) as server:
        with subprocess.Popen([sys.executable, "-c", code, server.url]) as child:
            server.wait(1, seconds=30)
            assert server.in_flight == 1
            child.kill()
        until(lambda: server.in_flight == 0)
        assert (server.left, server.answered) == (1, 0)


def test_a_handler_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "def answer(request):\n    return f'heard {request.prompt}'\n\ndef broken(request):\n    raise OSError('no')\n"
    )
    with process("--answers", "mine:answer", "--faults", "rate_limit=0", cwd=tmp_path) as (_, url):
        assert say(url, "you") == "heard you"
    with process("--answers", "mine:broken", cwd=tmp_path) as (child, url):
        with pytest.raises(openai.InternalServerError):
            say(url, "you")
        child.terminate()
        _, err = child.communicate(timeout=10)
    assert (child.returncode, err) == (1, "The answer handler failed: OSError: no\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--answers", "nowhere:f"], "--answers nowhere:f cannot be loaded"),
        (["--answers", "json:nothing"], "--answers json:nothing cannot be loaded"),
        (["--answers", "json:__name__"], "--answers json:__name__ is no function"),
        (["--latency", "fast"], "--latency fast is no time"),
        (["--faults", "rain=1"], "--faults rain=1: no fault is called 'rain'"),
    ],
)
def test_a_wrong_option_is_named(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    from synthkit.testing.server import main

    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(message) and err.count("\n") == 1


def test_a_taken_port_is_named() -> None:
    with LoopbackServer() as server, process("--port", str(server.port)) as (child, url):
        assert url == ""
        _, err = child.communicate(timeout=10)
        assert child.returncode == 2
        assert err.startswith(f"Port {server.port} of 127.0.0.1 cannot be had")
