"""The example plugin, installed by pip as users do it, found through its entry point, and doing what it says."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthkit.core import Context, Endpoint, Have, Record, Request, Round, Verdict
from synthkit.errors import BrokenBody, RecordError
from synthkit.plugins import Registry, load
from synthkit.plugins.discovery import installed

SOURCE = Path(__file__).parents[2] / "plugins" / "synthkit-example"
PROVIDES = {
    "generator": ["arithmetic"],
    "step": ["count-words"],
    "filter": ["word-limit"],
    "judge": ["length-judge"],
    "provider": ["echo"],
    "format": ["qa-text"],
}
NO_CONTEXT = cast(Context, None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, installed by pip into a folder of its own."""
    target = tmp_path_factory.mktemp("installed")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


@pytest.fixture(scope="module")
def registry(folder: Path) -> Iterator[Registry]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield load([entry for entry in installed() if entry.distribution == "synthkit-example"], {})
    for name in [name for name in sys.modules if name.partition(".")[0] == "synthkit_example"]:
        del sys.modules[name]


def test_all_six_are_found_in_a_new_process(folder: Path) -> None:
    code = (
        "import json\n"
        "from synthkit.plugins import registry\n"
        "r = registry()\n"
        "(info,) = [p for p in r.plugins if p.distribution == 'synthkit-example']\n"
        "found = {'component': r.component, 'provider': r.provider, 'format': r.format}\n"
        "classes = {n: found.get(k, r.component)(n) for k, names in info.provides.items() for n in names}\n"
        "print(json.dumps([info.name, info.version, info.status, info.provides, r.problems,\n"
        "    {n: [c.__module__, r.name_of(c)] for n, c in classes.items()}]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(folder), "SYNTHKIT_PLUGINS": "example"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    modules = {"echo": "provider", "qa-text": "format"}
    names = [name for kind in PROVIDES.values() for name in kind]
    assert json.loads(done.stdout) == [
        "example",
        "0.1.0",
        "ok",
        PROVIDES,
        [],
        {name: [f"synthkit_example.{modules.get(name, 'parts')}", name] for name in names},
    ]


def test_its_registration_is_a_template_of_under_40_lines() -> None:
    assert len((SOURCE / "src/synthkit_example/plugin.py").read_text("utf-8").splitlines()) < 40


class Numbers(Round):
    index, want, start, goal = 0, 50, 0, None

    def rng(self, *key: str | int) -> Random:
        return Random(repr(key))


def test_sums_are_right_and_of_their_number_alone(registry: Registry) -> None:
    arithmetic = registry.component("arithmetic")(largest=20)
    made = list(arithmetic.generate(Numbers()))
    assert len(made) == 50 and set(made[0]) == set(arithmetic.io(Have()).writes)
    for fields in made:
        left, sign, right = fields["question"].removeprefix("What is ").removesuffix("?").split()
        assert int(fields["answer"]) == int(left) + {"plus": 1, "minus": -1}[sign] * int(right)
        assert 0 <= int(left) <= 20 and 0 <= int(right) <= 20
    later = Numbers()
    later.start, later.want = 30, 20
    assert list(arithmetic.generate(later)) == made[30:]


def run(component: Any, method: str, **fields: Any) -> Any:
    record = Record.generated("test", fields, 0)
    return asyncio.run(getattr(component, method)(record, NO_CONTEXT))


def test_words_are_counted(registry: Registry) -> None:
    count = registry.component("count-words")
    assert run(count(), "process", question=" one  two\nthree ") == {"words": 3}
    assert run(count(column="answer", into="n"), "process", answer="") == {"n": 0}
    io = count(column="answer", into="n").io(Have())
    assert io.reads == {"answer": str} and io.writes == ("n",)


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        (2, Verdict(False, "too few words", "2 words, and at least 3 are wanted")),
        (3, Verdict(True)),
        (5, Verdict(True)),
        (6, Verdict(False, "too many words", "6 words, and at most 5 are wanted")),
    ],
)
def test_the_limit_says_why(registry: Registry, words: int, verdict: Verdict) -> None:
    assert run(registry.component("word-limit")(least=3, most=5), "check", words=words) == verdict


@pytest.mark.parametrize(("words", "score"), [(0, 1.0), (1, 1.0), (5, 2.0), (9, 4.0), (10, 5.0), (99, 5.0)])
def test_the_judge_scores_by_length(registry: Registry, words: int, score: float) -> None:
    judge = registry.component("length-judge")(prefix="long_")
    assert run(judge, "process", question="word " * words) == {
        "long_score": score,
        "long_rationale": f"{words} words, at 2 a point",
    }
    assert judge.io(Have()).writes == ("long_score", "long_rationale")


@pytest.mark.parametrize(("model", "answer"), [("same", "zwei  äpfel"), ("reversed", "äpfel zwei")])
def test_the_provider_echoes(registry: Registry, model: str, answer: str) -> None:
    echo = registry.provider("echo")
    asked = [{"role": "system", "content": "x"}, {"role": "user", "content": "zwei  äpfel"}]
    body = asyncio.run(echo(Endpoint()).call(Request("echo", model, asked), "0"))
    reply = echo(Endpoint()).parse(body)
    assert (reply.text, reply.model, reply.usage.input, reply.usage.output) == (answer, model, 2, 2)
    parts = [{"role": "user", "content": [{"type": "text", "text": "zwei  äpfel"}, {"type": "image"}]}]
    assert asyncio.run(echo(Endpoint()).call(Request("echo", model, parts), "1")) == body
    assert echo.problem(model) is None
    assert echo.problem("sam") == "the echo provider has no model 'sam': its models are same and reversed"


@pytest.mark.parametrize("body", ["", "<html>", "[]", '{"answer": "cut', '{"model": "same", "answer": 3, "words": 1}'])
def test_the_provider_knows_a_broken_body(registry: Registry, body: str) -> None:
    echo = registry.provider("echo")(Endpoint())
    with pytest.raises(BrokenBody, match=r"^the echo provider cannot read the body "):
        echo.parse(body)


@given(question=st.text(), answer=st.text())
def test_the_format_goes_both_ways(registry: Registry, question: str, answer: str) -> None:
    form = registry.format("qa-text")()
    record = {"question": question, "answer": answer}
    try:
        example = form.encode(record)
    except RecordError as error:
        assert error.reason == ("ambiguous" if "\nA: " in question and question.strip() and answer.strip() else "empty")
    else:
        assert form.decode(example) == record
        assert form.encode(form.decode(example)) == example


def test_the_format_refuses_what_it_cannot_say(registry: Registry) -> None:
    form = registry.format("qa-text")()
    assert form.encode({"question": "2+2?", "answer": "4"}) == {"text": "Q: 2+2?\nA: 4"}
    with pytest.raises(RecordError, match=r"^the question holds '\\nA: ', which starts the answer: reword it$"):
        form.encode({"question": "a\nA: b", "answer": "c"})
    with pytest.raises(RecordError, match=r"^\{'text': 'hello'\} has no text of the form 'Q: …\\nA: …'$"):
        form.decode({"text": "hello"})
