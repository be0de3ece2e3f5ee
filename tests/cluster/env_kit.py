"""A node that lacks what a run needs, and runs there of a pipeline that needs a plugin."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile

import pytest
from cluster_kit import Nodes, clustered
from ray_kit import leaks
from run_kit import SECRET, Place, placed

import synthkit

RECORDS = 40
PIPELINE = """
from loud_plugin import louder
from synthkit import Pipeline, Prompt
from synthkit.generators import LoadRecords

class Ask(Prompt):
    \"\"\"Asks.\"\"\"
    template = "Write about {{ topic }}"
    into = "text"

def pipeline() -> Pipeline:
    return Pipeline("p") >> LoadRecords(path="in.jsonl") >> Ask(model="m") >> louder
"""
PLUGIN = """
from synthkit import step
from synthkit.plugins import hookimpl

@step(reads="text", writes="loud")
def louder(record):
    return {"loud": record["text"].upper() + " VERSION"}

@hookimpl
def synthkit_steps():
    return {"louder": "loud_plugin:louder"}
"""
INFO = "loud_plugin-VERSION.dist-info"
METADATA = "Metadata-Version: 2.1\nName: loud-plugin\nVersion: VERSION\nRequires-Dist: jinja2\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def files(version: str) -> dict[str, str]:
    """Those of an installed plugin."""
    info = INFO.replace("VERSION", version)
    made = {
        "loud_plugin.py": PLUGIN.replace("VERSION", version),
        f"{info}/METADATA": METADATA.replace("VERSION", version),
        f"{info}/WHEEL": WHEEL,
        f"{info}/entry_points.txt": "[synthkit]\nloud = loud_plugin\n",
    }
    return {**made, f"{info}/RECORD": "".join(f"{name},,\n" for name in [*made, f"{info}/RECORD"])}


def installed(folder: Path, version: str, url: str | None = None) -> str:
    """A folder of `sys.path` with a plugin. url: from where it is."""
    for name, text in files(version).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    if url is not None:
        (folder / INFO.replace("VERSION", version) / "direct_url.json").write_text(json.dumps({"url": url}))
    return str(folder)


def wheel(folder: Path, version: str) -> None:
    """A wheel of a plugin."""
    with ZipFile(folder / f"loud_plugin-{version}-py3-none-any.whl", "w") as archive:
        for name, text in files(version).items():
            archive.writestr(name, text)


class Cluster:
    """One whose node runs a Python of its own, which has all that this one has, but for plugins. equipped: also
    synthkit, as it is installed in a folder that is being worked on."""

    def __init__(self, folder: Path, *, equipped: bool = True) -> None:
        self.folder = folder
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        self.packages = next((folder / "venv" / "lib").glob("python*")) / "site-packages"
        mine = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
        own = [str(Path(synthkit.__file__).parents[1])] if equipped else []
        (self.packages / "mine.pth").write_text("\n".join([*mine, *own]))
        self.wheels = folder / "wheels"
        self.wheels.mkdir()
        self.nodes: Nodes

    @property
    def address(self) -> str:
        return self.nodes.address

    def sessions(self) -> list[str]:
        """What of the key is in Ray's files."""
        return leaks([SECRET.encode()], self.nodes.folder)

    def has(self, version: str | None) -> None:
        """Installs a plugin on the node, in the place of the one that it has."""
        for found in self.packages.glob("loud_plugin*"):
            shutil.rmtree(found) if found.is_dir() else found.unlink()
        if version is not None:
            installed(self.packages, version)


@contextmanager
def lacking(folder: Path, *, equipped: bool = True) -> Iterator[Cluster]:
    """Such a cluster; pip finds nothing there but the wheels of the test."""
    made = Cluster(folder, equipped=equipped)
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(made.wheels), "PIP_CONFIG_FILE": os.devnull}
    with clustered(2, python=str(made.folder / "venv" / "bin" / "python"), **pip) as nodes:
        made.nodes = nodes
        yield made


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with placed(tmp_path, RECORDS, latency=(0.0, 0.01)) as found:
        (tmp_path / "p.py").write_text(PIPELINE)
        yield found


Run = Callable[..., str]


@pytest.fixture
def run(cluster: Cluster, place: Place, tmp_path: Path) -> Run:
    """Runs the pipeline on the cluster, with a plugin that the driver has."""

    def running(version: str, *arguments: str, code: int = 0, url: str | None = None) -> str:
        path = installed(tmp_path / "here", version, url)
        given = ("--ray", cluster.address, "--run-dir", "far", *arguments)
        said = place.run("run", "p.py", *given, code=code, PYTHONPATH=path)
        assert "Traceback" not in said
        if code == 0:
            assert f"complete: {RECORDS} accepted" in said
            rows = [json.loads(line) for line in (place.folder / "far" / "accepted.jsonl").read_text().splitlines()]
            assert {row["loud"].rpartition(" ")[2] for row in rows} == {version}
            assert place.replayed("far", PYTHONPATH=path)
            assert place.events("far", "lane lost") == []
        assert leaks([SECRET.encode()], place.folder) == [] == cluster.sessions()
        return said

    return running
