"""Random bytes, and good bytes with random damage, at everything that reads a file: a result, or one clean sentence."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthkit.core.files import read_csv, read_parquet
from synthkit.core.jsonfiles import read_json, read_jsonl
from synthkit.core.source import Skipped, skipping
from synthkit.engine.result import Result
from synthkit.engine.source import PREFIX, load
from synthkit.errors import JournalError, SynthkitError
from synthkit.models.journal import Journal
from synthkit.models.learned import Learned
from synthkit.models.project import find_project
from synthkit.plugins import registry
from synthkit.techniques.few_shot import read_examples
from synthkit.techniques.self_instruct_seeds import read_seeds

LINES = b'{"a": 1, "instruction": "Name a river.", "output": "Rhine"}\n{"a": "\\u00e4", "b": [null, {"c": 1.5}]}\n'
TOML = b'[models.a]\nuse = "openai/b"\nbase_url = "http://localhost:1/v1"\n[prices.a]\ninput = 1\noutput = 2.5\n'
RUN = json.dumps(
    {
        **dict.fromkeys(("run", "name", "project"), "r"),
        **{key: {} for key in ("settings", "inputs", "versions")},
        **{key: [] for key in ("pipeline", "rounds", "exports")},
        "version": 1,
        "status": "complete",
        "began": "2026-01-01",
        "source": None,
        "shape": {"generator": "g", "stages": [["a"]], "end": 1, "target": 3},
    }
).encode()


def parquet() -> bytes:
    """A small Parquet file."""
    import io

    import polars as pl

    file = io.BytesIO()
    pl.DataFrame({"a": [1, 2], "b": [["x"], []]}).write_parquet(file)
    return file.getvalue()


def rows(read: Callable[[Path], Iterator[tuple[int, Any]]]) -> Callable[[Path], Any]:
    """Reads all rows of a file, as a strict run and as one that leaves bad lines out."""

    def reading(path: Path) -> Any:
        with closing(read(path)) as found:  # type: ignore[type-var]
            strict = [row for _, row in found]
        with skipping(Skipped()), closing(read(path)) as found:  # type: ignore[type-var]
            assert [row for _, row in found] == strict  # a file that is read whole has no bad lines
        return strict

    return reading


def tolerant(path: Path) -> Any:
    """What is left of a file when bad lines are left out."""
    with skipping(Skipped()), closing(read_jsonl(path)) as found:
        return [row for _, row in found]


def project(path: Path) -> Any:
    """A project of this synthkit.toml, and a model of it."""
    path.rename(path.parent / "synthkit.toml")
    made = find_project(path.parent)
    return made.names, made.prices, made.model("openai/x")


def env(path: Path) -> Any:
    """The keys of an env file."""
    path.rename(path.parent / ".env")
    made = find_project(path.parent)
    model = made.model("openai/x")
    return made.missing_key(model, registry().provider("openai")), made.endpoint(model, registry().provider("openai"))


def result(path: Path) -> Any:
    """A run folder with this run.json."""
    path.rename(path.parent / "run.json")
    found = Result(path.parent)
    return found.status, found.shape, found.tally


def journal(path: Path) -> Any:
    """A journal with this segment, which nobody reads in vain: what is wrong is a problem that is told."""
    folder = path.parent / "journal"
    folder.mkdir()
    path.rename(folder / "000001.journal")
    opened = Journal(folder, read_only=True)
    entries = list(opened.scan())
    if opened.problems:
        raise JournalError("; ".join(opened.problems))
    return entries


READERS: dict[str, tuple[Callable[[Path], Any], bytes]] = {
    "jsonl": (rows(read_jsonl), LINES),
    "jsonl, bad lines left out": (tolerant, LINES),
    "json": (rows(read_json), b"[" + LINES.strip().replace(b"\n", b",\n") + b"]"),
    "csv": (rows(read_csv), b'a,b\n1,"x, y"\n2,"line\nbreak"\n'),
    "parquet": (rows(read_parquet), parquet()),
    "seeds": (read_seeds, LINES),
    "examples": (lambda path: read_examples(path, None), LINES),
    "synthkit.toml": (project, TOML),
    ".env": (env, b"OPENAI_API_KEY='sk-1234567890'\nexport B=2 # c\n"),
    "run.json": (result, RUN),
    "refused.json": (lambda path: Learned(path).options("m"), b'{"m": ["temperature"]}'),
    "journal": (journal, b"\0" * 64),
    "pipeline": (lambda path: load(path.rename(path.with_suffix(".py"))), b"def pipeline() -> 'Pipeline':\n    pass\n"),
}


@st.composite
def damaged(draw: st.DrawFn, good: bytes) -> bytes:
    """Random bytes; or good ones, cut, doubled, or with a few bytes replaced."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=200))
    start = draw(st.integers(0, len(good)))
    end = draw(st.integers(start, len(good)))
    return good[:start] + draw(st.binary(max_size=6)) + good[end if draw(st.booleans()) else start :]


@pytest.mark.parametrize("name", READERS)
def test_a_reader_gives_a_result_or_a_sentence(
    name: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, good = READERS[name]
    whole = SourceFileLoader.exec_module

    def parse_only(self: SourceFileLoader, module: Any) -> None:
        """Of pipeline files only what does not even parse is of interest: random bytes are not run."""
        if module.__name__.startswith(PREFIX):
            self.get_code(module.__name__)
        else:
            whole(self, module)

    monkeypatch.setattr(SourceFileLoader, "exec_module", parse_only)
    for variable in [v for v in os.environ if v.startswith("OPENAI")]:
        monkeypatch.delenv(variable)
    seen: list[str] = []

    @given(damaged(good))
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def once(data: bytes) -> None:
        path = tmp_path_factory.mktemp("file") / "data"
        path.write_bytes(data)
        try:
            read(path)
        except SynthkitError as error:
            said = str(error)
            seen.append(said)
            assert said and "\n\n" not in said and "Traceback" not in said
            assert "data" in said or str(path.parent) in said, said  # it names the file

    once()
    assert seen, "nothing was ever wrong: this test shows nothing"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    )
)
@settings(max_examples=300, deadline=None)
def test_providers_read_any_body(value: Any) -> None:
    from synthkit.core import Endpoint

    for name in registry().names("provider"):
        provider = registry().provider(name)(Endpoint())
        shapes = [value, {"choices": value}, {"choices": [{"message": value}]}, {"content": value, "type": "message"}]
        shapes += [{"output": value, "object": "response"}, {"choices": [{"message": {"content": value}}]}]
        for body in [json.dumps(shape) for shape in shapes] + [str(value)]:
            try:
                reply = provider.parse(body)
            except SynthkitError as error:
                assert str(error), name
            else:
                assert isinstance(reply.text, str) and isinstance(reply.refusal, str), (name, body)


@given(st.dictionaries(st.sampled_from(
    ["messages", "conversations", "prompt", "chosen", "rejected", "completion", "label", "instruction", "input",
     "output", "system", "tools", "text", "preferred_output", "non_preferred_output"]),
    st.recursive(st.none() | st.booleans() | st.text(max_size=4) | st.sampled_from(["user", "assistant"]),
                 lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                     st.sampled_from(["role", "content", "from", "value", "tool_calls", "x"]), inner, max_size=4)),
    max_size=5))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_formats_read_any_example(example: dict[str, Any]) -> None:
    for name in registry().names("format"):
        format = registry().format(name)()
        for work in (format.decode, format.encode):
            try:
                work(example)
            except SynthkitError as error:
                assert str(error), name
