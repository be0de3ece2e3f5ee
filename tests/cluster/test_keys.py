"""What a lane's project knows: what was sent to it, and nothing of its own node."""

import os
import pickle
from pathlib import Path

import pytest

from synthkit.models.keys import Keys
from synthkit.models.learned import Learned
from synthkit.models.project import Project, find_project
from synthkit.models.service import Services
from synthkit.plugins import registry

KEY = "sk-loopback-0123456789abcdef"
TOML = """
[models.m]
use = "openai/small"
base_url = "http://127.0.0.1:9/v1/"
temperature = 0.5
stop = ["x", "y"]

[models.x]
use = "openai/x"
extra = {a = [1, 2.5, true]}
requests_per_minute = 5.0
hedge = false

[prices.m]
input = 0.25
batch_input = 0.1
batch_output = 0.2
cached = 0.01
output = 1
"""


def test_keys_unset_what_is_unset_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "of the node")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "of the node")
    Keys({}, {"OPENAI_ORG_ID": None, "OPENAI_PROJECT_ID": "here"}).install()
    assert "OPENAI_ORG_ID" not in os.environ
    assert os.environ["OPENAI_PROJECT_ID"] == "here"


def test_what_synthkit_toml_says_is_the_same_elsewhere(project: Path) -> None:
    (project / "synthkit.toml").write_text(TOML)
    mine = find_project()
    sent = pickle.loads(pickle.dumps(mine.form()))  # noqa: S301
    theirs = Project.of(sent, project / "lane", Keys())
    assert theirs.names == mine.names == ("m", "x")
    assert [theirs.model(name) for name in theirs.names] == [mine.model(name) for name in mine.names]
    assert theirs.prices == mine.prices
    assert theirs.journal == project / "lane" / ".synthkit" / "journal"


def test_an_env_file_beside_a_lane_is_not_looked_at(project: Path) -> None:
    (project / ".env").write_text("OPENAI_API_KEY=sk-of-the-node-0000\nANTHROPIC_API_KEY=sk-of-the-node-0000\n")
    services = Services(Project.of({}, project, Keys({"OPENAI_API_KEY": KEY})), registry().provider)
    assert services["openai/x"].provider.endpoint.key == KEY
    assert services["anthropic/claude-opus-4-1"].provider.endpoint.key is None


def test_what_a_lane_learns_is_told_once(tmp_path: Path) -> None:
    mine, theirs = Learned(tmp_path / "a" / "refused.json"), Learned(tmp_path / "b" / "refused.json")
    told = []

    def tell(model: str, option: str) -> None:
        told.append((model, option))
        mine.add(model, option)

    theirs.tell = tell
    mine.tell = theirs.add
    for _ in range(2):
        theirs.add("openai/x", "top_p")
    assert told == [("openai/x", "top_p")]
    assert mine.options("openai/x") == {"top_p"}


def test_a_lane_hides_keys_that_it_has_not_used_yet(project: Path) -> None:
    find = find_project()
    keys = Keys.of(find, ["openai/a", "demo/default"], registry().provider)
    theirs = Project.of(find.form(), project / "lane", keys)
    for text in (f"<{KEY}>", f"<{KEY[:20]}>", "nothing"):
        assert theirs.redact(text) == find.redact(text)
    assert KEY not in theirs.redact(KEY)
