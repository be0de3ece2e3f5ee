"""Prompts: templates over a record's columns, in a sandbox, and what an answer becomes."""

import asyncio
import datetime
import enum
from typing import Any

import pytest
from pydantic import BaseModel, Field

import synthkit as sk
from synthkit.core import Answer, Have, render
from synthkit.core.flow import flow
from synthkit.core.prompt import variables
from synthkit.core.values import freeze
from synthkit.errors import ColumnError, PipelineError


class Asked(sk.Context):
    """A context that answers what it is told, and keeps what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[tuple[str, Any, dict[str, Any]]] = []

    async def ask(self, model: str, messages: Any, **given: Any) -> Answer:
        self.asked.append((model, messages, given))
        return self.answer

    async def embed(self, model: str, texts: Any, **options: Any) -> Any:
        raise NotImplementedError

    async def run(self, part: Any, record: Any, at: str) -> Any:
        raise NotImplementedError

    def at(self, key: Any) -> "Asked":
        return self

    def rng(self, *key: Any) -> Any:
        raise NotImplementedError

    def resource(self, key: str, factory: Any) -> Any:
        return factory()


def record(**fields: Any) -> sk.Record:
    return sk.Record.generated("g", fields, 0)


def process(prompt: sk.Prompt, answer: Answer, **fields: Any) -> tuple[Any, Asked]:
    context = Asked(answer)
    return asyncio.run(prompt.process(record(**fields), context)), context


class Mood(enum.Enum):
    GOOD = "good"


class Clarify(sk.Prompt):
    template = "Ask about: {{ instruction }}"
    wishes = {"temperature": 0.7}

    class Out(BaseModel):
        question: str = Field(description="one sentence")
        mood: Mood = Mood.GOOD
        day: datetime.date | None = None
        hidden: int = Field(default=3, exclude=True)


def test_an_answer_becomes_columns() -> None:
    data = Clarify.Out(question="why?", day=datetime.date(2024, 5, 6))
    made, context = process(Clarify(model="m", system="Be {{ how }}."), Answer("…", data), instruction="do", how="kind")
    assert freeze(made) == {"question": "why?", "mood": "good", "day": "2024-05-06", "hidden": 3}
    assert list(made) == ["question", "mood", "day", "hidden"]
    model, messages, given = context.asked[0]
    assert model == "m"
    assert messages == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Ask about: do"},
    ]
    usual = {"tools": [], "on_length": "fail"}
    assert given == {"answer": Clarify.Out, "share": False, "repairs": 2, "wishes": {"temperature": 0.7}, **usual}


def test_a_text_goes_into_one_column() -> None:
    prompt = sk.Prompt(model="m", template="x", into="out", options={"max_tokens": 5}, share=True, repairs=0)
    made, context = process(prompt, Answer("said"))
    assert made == {"out": "said"}
    usual = {"tools": [], "on_length": "fail"}
    asked = {"answer": None, "share": True, "repairs": 0, "wishes": {}, "max_tokens": 5, **usual}
    assert context.asked[0][2] == asked


@pytest.mark.parametrize(
    ("answer", "reason", "detail"),
    [(Answer("", refusal="I cannot"), "refused", "I cannot"), (Answer(" \n"), "empty answer", "")],
    ids=["refusal", "empty"],
)
def test_an_answer_of_no_use_drops_the_record(answer: Answer, reason: str, detail: str) -> None:
    made, _ = process(sk.Prompt(model="m", template="x"), answer)
    assert made == sk.drop(reason, detail)


def test_reading_can_be_overridden() -> None:
    class Lines(sk.Prompt):
        template = "x"

        def read(self, answer: Answer, record: sk.Record) -> Any:
            return [{"text": line} for line in answer.text.splitlines()]

    assert process(Lines(model="m"), Answer("a\nb"))[0] == [{"text": "a"}, {"text": "b"}]


def test_an_out_of_elsewhere() -> None:
    class Short(sk.Prompt):
        template = "x"
        Out = Clarify.Out

    assert Short(model="m").written() == ("question", "mood", "day", "hidden")


@pytest.mark.parametrize(
    ("template", "needed", "optional"),
    [
        ("{{ a }} {{ b.c }} {{ d[0] }}", ["a", "b", "d"], []),
        ("{{ a | default('') }}{{ b | d('x') | upper }}", [], ["a", "b"]),
        ("{% if a is defined and a %}{{ a }}{% endif %}{{ b }}", ["b"], ["a"]),
        ("{% if a is not undefined %}x{% endif %}", [], ["a"]),
        ("{% if a %}{{ b }}{% endif %}", ["a", "b"], []),
        ("{% for x in xs %}{{ loop.index }} {{ x }}{% endfor %}", ["xs"], []),
        ("{% for i in range(3) %}{{ i }}{% endfor %}", [], []),
        ("{% set y = z %}{{ y }}", ["z"], []),
        ("{% for k, v in a.items() %}{{ k }}{{ v }}{% endfor %}", ["a"], []),
        ("{% macro m(q) %}{{ q }}{{ w }}{% endmacro %}{{ m(1) }}", ["w"], []),
        ("nothing", [], []),
    ],
)
def test_the_columns_of_a_template(template: str, needed: list[str], optional: list[str]) -> None:
    assert variables(template, "p") == (tuple(needed), tuple(optional))


def test_the_system_prompt_reads_too() -> None:
    prompt = sk.Prompt(model="m", template="{{ a }}{{ b | default('') }}", system="{{ b }}{{ c | default('') }}")
    io = prompt.io(Have())
    assert (set(io.reads), io.optional, io.writes) == ({"a", "b"}, ("c",), ("text",))


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("one\n{{ two", "p: template, line 2: unexpected end of template, expected 'end of print statement'."),
        ("{% if x %}\n\n{% else %}", "p: template, line 3: Unexpected end of template."),
        ("\n\n{{ x | shout }}", "p: template, line 3: No filter named 'shout'."),
        ("{{ x is loud }}", "p: template, line 1: No test named 'loud'."),
        ("{% bogus %}", "p: template, line 1: Encountered unknown tag 'bogus'."),
    ],
    ids=["print", "if", "filter", "test", "tag"],
)
def test_a_template_that_is_none_is_refused_with_its_line(template: str, said: str) -> None:
    problems = flow([sk.Prompt(model="m", template=template, label="p")], Have(frozenset({"x"}))).problems
    assert len(problems) == 1
    assert problems[0].startswith(said)


def test_a_column_that_is_not_there_is_named_with_the_nearest() -> None:
    prompt = sk.Prompt(model="m", template="{{ instrution }}", label="p")
    assert flow([prompt], Have(frozenset({"instruction", "x"}))).problems == [
        "p reads column 'instrution', which nothing before it writes; did you mean 'instruction'?"
    ]


UNSAFE = "the template failed: access to attribute '{}' of '{}' object is unsafe."


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ ''.__class__ }}", UNSAFE.format("__class__", "str")),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", UNSAFE.format("__class__", "str")),
        ("{{ x.__init__.__globals__ }}", UNSAFE.format("__init__", "FrozenList")),
        ("{{ x.append(1) }}", UNSAFE.format("append", "FrozenList")),
        ("{{ y.update({'a': 2}) }}", UNSAFE.format("update", "FrozenDict")),
        ("{% for i in range(10 ** 9) %}.{% endfor %}", "the template failed: Range too big."),
        ("{{ 1 / 0 }}", "the template failed: division by zero"),
        ("{{ y + 1 }}", "the template failed: unsupported operand type(s)"),
        ("{{ x | join(1, 2, 3, 4) }}", "the template failed: "),
        ("{{ nothing }}", "the template reads what is not there: 'nothing' is undefined"),
        ("{{ y.b }}", "the template reads what is not there: "),
        ("{{ y.b.c }}", "the template reads what is not there: "),
        ("{{ none.upper() }}", "the template reads what is not there: 'None' has no attribute 'upper'"),
        ("{% include 'x' %}", "the template failed: no loader for this environment specified"),
    ],
)
def test_what_the_sandbox_refuses_fails_the_record(template: str, said: str) -> None:
    with pytest.raises(ColumnError) as caught:
        render(template, freeze({"x": [1], "y": {"a": 1}}))
    assert str(caught.value).startswith(said)


def test_text_is_left_as_it_is() -> None:
    values = {"x": "<b> & 'q' {{ y }} \ud83d", "y": "secret"}
    assert render("{{ x }}\n", values) == values["x"]


def test_a_record_s_text_is_no_template() -> None:
    made, context = process(sk.Prompt(model="m", template="{{ text }}"), Answer("ok"), text="{{ ''.__class__ }}")
    assert made == {"text": "ok"}
    assert context.asked[0][1][0]["content"] == "{{ ''.__class__ }}"


def test_a_template_may_be_given_in_place_of_the_authors() -> None:
    assert Clarify(model="m", template="Other {{ a }}").io(Have()).reads == {"a": object}
    with pytest.raises(PipelineError, match="template, line 1"):
        Clarify(model="m", template="{{").io(Have())
