"""What a run keeps of its pipeline file, its local imports and its inputs, so that it can go on without them."""

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import synthkit as sk
from synthkit.engine import api, inputs, source
from synthkit.engine.result import Result
from synthkit.errors import InputError, PipelineError, StoreError
from synthkit.generators import LoadRecords

FILES = {
    "flow.py": """
        import json  # of the standard library: not kept
        import synthkit as sk
        import helper
        from pack import sub as other
        from pack.sub import NAME
        import flat.inner

        WORD = "first"

        @sk.generator(writes="n", endless=True)
        def numbers(round):
            for n in range(round.start, round.start + round.want):
                yield {"n": n}

        @sk.filter(reads="n")
        def even(record):
            return record["n"] % 2 == 0

        @sk.step(reads="n", writes="said")
        def say(record):
            import late
            return {"said": [WORD, helper.WORD, other.near.WORD, NAME, late.WORD, flat.inner.WORD]}

        class Again(sk.Step):
            word: str = WORD
            def io(self, have):
                return sk.IO.of(writes="again")
            async def process(self, record, ctx):
                return {"again": self.word + helper.WORD}

        def pipeline(target: int = 40) -> sk.Pipeline:
            return sk.Pipeline("flow", target=target) >> numbers >> even >> say >> Again()

        if __name__ == "__main__":
            print(pipeline().run(folder="run", max_rounds=1).status)
        """,
    "helper.py": "import deeper\nWORD = deeper.WORD",
    "deeper.py": 'WORD = "helped"',
    "late.py": 'WORD = "late"',
    "unused.py": "import nothing_there",
    "pack/__init__.py": "",
    "pack/sub.py": "from . import near\nfrom .low.deep import NAME",
    "pack/near.py": 'WORD = "near"',
    "pack/low/__init__.py": "",
    "pack/low/deep.py": 'from ..near import WORD\nNAME = f"deep {WORD}"',
    "flat/inner.py": 'WORD = "flat"',
    "broken.py": "def x(:",
}
SAID = ["first", "helped", "near", "deep near", "late", "flat"]
RUN = """
import sys
from pathlib import Path
from synthkit.engine import api, source
loaded = source.load(Path(sys.argv[1]))
print(api.run(loaded.pipeline({}), file=loaded, folder="run", max_rounds=1).status)
"""
RESUME = """
from pathlib import Path
from synthkit.engine import api
print(api.resume(Path("run"), max_rounds=9).status)
"""


@pytest.fixture
def home(project: Path) -> Path:
    """A folder of pipeline files, apart from the project."""
    folder = project.parent / "home"
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text))
    return folder


def python(project: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=project, env=os.environ.copy(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("how", ["file", "script"])
@pytest.mark.parametrize("then", ["deleted", "changed"])
def test_a_run_goes_on_with_the_files_it_began_with(project: Path, home: Path, how: str, then: str) -> None:
    flow = str(home / "flow.py")
    assert python(project, *(["-c", RUN, flow] if how == "file" else [flow])) == "partial"
    kept = {str(path.relative_to(project / "run/pipeline")) for path in (project / "run/pipeline").rglob("*.py")}
    assert kept == set(FILES) - {"unused.py", "broken.py"}
    if then == "deleted":
        shutil.rmtree(home)
    else:
        for path in home.rglob("*.py"):
            path.write_text(path.read_text().replace('"', '"changed '))
    assert python(project, "-c", RESUME) == "complete"
    records = Result(project / "run").accepted
    assert len(records) == 40
    assert [r["said"] for r in records] == [SAID] * 40
    assert {r["again"] for r in records} == {"firsthelped"}


def test_files_need_not_be_named_like_modules(project: Path, home: Path) -> None:
    for name in ("01-my flow.v2.py", "class.py"):
        odd = home / name
        shutil.copy(home / "flow.py", odd)
        shutil.rmtree(project / "run", ignore_errors=True)
        assert python(project, "-c", RUN, str(odd)) == "partial"
        assert python(project, "-c", RESUME) == "complete"


def test_an_import_that_cannot_be_read_is_not_kept(project: Path, home: Path) -> None:
    flow = home / "flow.py"
    flow.write_text(flow.read_text().replace("import late", "import late\n    if 0: import broken"))
    assert python(project, "-c", RUN, str(flow)) == "partial"
    assert (project / "run/pipeline/broken.py").exists()


def test_a_notebook_s_parts_are_found_in_the_notebook_only(project: Path) -> None:
    code = (
        "import synthkit as sk\n"
        "@sk.generator(writes='n')\n"
        "def numbers():\n    yield {'n': 1}\n"
        "p = sk.Pipeline('p', target=2) >> numbers\n"
        "print(p.run(folder='run').status, p.run(folder='run').status)"
    )
    assert python(project, "-c", code) == "partial partial"
    with pytest.raises(PipelineError) as caught:
        api.resume(project / "run")
    assert str(caught.value) == "numbers was defined in a notebook or a prompt: continue there, with .run(folder=…)"


@pytest.fixture
def seeds(project: Path) -> Path:
    path = project / "seeds.jsonl"
    path.write_text("".join(f'{{"n": {n}}}\n' for n in range(40)))
    return path


def begun(project: Path) -> sk.Pipeline:
    pipeline = sk.Pipeline("p", target=30) >> LoadRecords(Path("seeds.jsonl")) >> sk.AtLeast(column="n", least=4)
    assert api.run(pipeline, folder=project / "run", max_rounds=1).status == "partial"
    return pipeline


@pytest.mark.parametrize("then", ["changed", "deleted"])
def test_a_run_goes_on_with_the_inputs_it_began_with(project: Path, seeds: Path, then: str) -> None:
    pipeline = begun(project)
    if then == "changed":
        seeds.write_text('{"n": 1000}\n' * 50)
    else:
        seeds.unlink()
    last = api.resume(project / "run", max_rounds=9)
    assert (last.status, [r["n"] for r in last.accepted]) == ("complete", list(range(4, 34)))
    with pytest.raises((StoreError, InputError)) as caught:
        pipeline.run(folder="run")
    expected = "seeds.jsonl has changed since the run in run began: give this one a folder of its own"
    assert str(caught.value) == expected if then == "changed" else "seeds.jsonl" in str(caught.value)


def test_large_inputs_are_not_kept_but_known(project: Path, seeds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "SMALL", 100)
    monkeypatch.setattr(inputs, "END", 20)
    begun(project)
    assert not (project / "run/inputs").exists()
    before = seeds.read_bytes()
    seeds.write_bytes(before.replace(b"0}", b"1}"))
    with pytest.raises(InputError) as caught:
        api.resume(project / "run")
    assert str(caught.value) == f"{seeds} has changed since the run began: put the old file back, or start a new run"
    seeds.unlink()
    with pytest.raises(InputError) as caught:
        api.resume(project / "run")
    assert str(caught.value) == f"the run reads {seeds}, which is gone: put it back, it was too large to be kept"
    seeds.write_bytes(before)
    assert api.resume(project / "run", max_rounds=9).status == "complete"


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Puts the import machinery back as it was."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("helper", "deeper", "late", "pack", "flat", "pipeline_file"):
            del sys.modules[name]


@pytest.mark.usefixtures("modules")
def test_a_pipeline_file_that_was_changed_under_way_is_not_mixed_in(project: Path, home: Path) -> None:
    """In one process too: what is resumed is the kept copy."""
    loaded = source.load(home / "flow.py")
    assert api.run(loaded.pipeline({}), file=loaded, folder=project / "run", max_rounds=1).status == "partial"
    (home / "flow.py").write_text((home / "flow.py").read_text().replace('"first"', '"second"'))
    assert source.load(home / "flow.py").module.WORD == "second"
    last = api.resume(project / "run", max_rounds=9)
    assert {r["said"][0] for r in last.accepted} == {"first"}


@pytest.mark.usefixtures("modules")
def test_two_files_of_one_name_do_not_get_into_each_other_s_way(project: Path) -> None:
    loaded = []
    for word in ("one", "two"):
        (project / word).mkdir()
        (project / word / "flow.py").write_text(
            "import synthkit as sk\n"
            "@sk.generator(writes='word')\n"
            f"def words():\n    yield {{'word': {word!r}}}\n"
            "def pipeline() -> sk.Pipeline:\n    return sk.Pipeline('p') >> words\n"
        )
        loaded.append(source.load(project / word / "flow.py"))
    made = [api.run(file.pipeline({}), file=file).accepted[0]["word"] for file in loaded]
    assert made == ["one", "two"]
