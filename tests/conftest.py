"""What tests share: a project folder of their own, and real data where it is there."""

import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from synthkit.testing import LoopbackServer

if threading.current_thread() is threading.main_thread():
    # Started in the background, or under nohup, we would hand on that these are ignored, and they are what is tested.
    # Handlers are not handed on.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda number, frame: None)

settings.register_profile("synthkit", deadline=None)  # a busy machine is no failure
settings.load_profile("synthkit")

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
KEY = "sk-loopback-0123456789abcdef"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder that is the working folder, with a key in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.delenv("SYNTHKIT_PLUGINS", raising=False)
    return tmp_path


@pytest.fixture
def serve(project: Path) -> Iterator[Callable[..., LoopbackServer]]:
    """Starts loopback servers, and names them in the project's synthkit.toml: `serve(answer=…)` is model «m»."""
    servers: list[LoopbackServer] = []

    def start(*names: str, **options: Any) -> LoopbackServer:
        server = LoopbackServer(**options)
        server.__enter__()
        servers.append(server)
        with (project / "synthkit.toml").open("a") as file:
            for name in names or ("m",):
                file.write(f'[models.{name}]\nuse = "openai/{name}"\nbase_url = "{server.url}"\nendpoint = "loop"\n')
        return server

    yield start
    for server in servers:
        server.__exit__(None, None, None)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data; tests that need it are skipped where it is missing."""
    if not DATA.is_dir():
        pytest.skip(f"no real data in {DATA}")
    return DATA
