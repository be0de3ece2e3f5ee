"""KTO, prompt and completion, and OpenAI's two: what feeds them, exact round trips, and what is refused."""

from typing import Any

import pytest
from formats_kit import ANY, FULL, PAIRS, back_and_there, message, there_and_back, turns
from hypothesis import given
from hypothesis import strategies as st

from synthkit.core import IO, Format, Have
from synthkit.errors import ColumnError, PipelineError, RecordError
from synthkit.formats import DPO, KTO, OpenAIChat, OpenAIPreference, PromptCompletion

ANSWERS = st.tuples(FULL, FULL).filter(lambda pair: pair[0].strip() != pair[1].strip())
U, A = message("user"), message("assistant")
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}}


@given(FULL, FULL, PAIRS, st.none() | ANY, st.booleans())
def test_single_answers_round_trip(prompt: str, answer: str, pairs: list, system: str | None, good: bool) -> None:
    record: dict[str, Any] = {"prompt": prompt, "completion": answer}
    assert back_and_there(PromptCompletion(), record) == record
    assert back_and_there(KTO(), {**record, "label": good}) == {**record, "label": good}
    listed = {"prompt": [*turns(pairs, system), message("user", prompt)], "completion": [message("assistant", answer)]}
    for format in (PromptCompletion(), PromptCompletion(conversational=True)):
        assert back_and_there(format, listed) == listed
    assert back_and_there(KTO(), {**listed, "label": good}) == {**listed, "label": good}
    whole = {"messages": [*listed["prompt"], *listed["completion"]]}
    assert PromptCompletion().encode(whole) == listed
    assert KTO().encode({**whole, "label": good}) == {**listed, "label": good}


@given(FULL, ANSWERS, st.none() | ANY)
def test_a_preference_is_two_examples_of_kto(prompt: str, answers: tuple[str, str], system: str | None) -> None:
    """As TRL's own unpairing makes of one for DPO."""
    record = {"prompt": prompt, "chosen": answers[0], "rejected": answers[1], "system": system}
    pair = DPO().encode(record)
    made = KTO().encode(record)
    assert made == [
        {"prompt": pair["prompt"], "completion": pair["chosen"], "label": True},
        {"prompt": pair["prompt"], "completion": pair["rejected"], "label": False},
    ]
    for example in made:
        there_and_back(KTO(), example)


@given(FULL, ANSWERS, PAIRS, st.none() | ANY, st.none() | st.booleans())
def test_openai_preferences_round_trip(
    prompt: str, answers: tuple[str, str], pairs: list, system: str | None, parallel: bool | None
) -> None:
    record: dict[str, Any] = {
        "prompt": [*turns(pairs, system), message("user", prompt)],
        "chosen": [message("assistant", answers[0])],
        "rejected": [message("assistant", answers[1])],
        **({} if parallel is None else {"parallel_tool_calls": parallel}),
    }
    example = back_and_there(OpenAIPreference(), record)
    assert list(example) == ["input", "preferred_output", "non_preferred_output"]
    texts = {"prompt": prompt, "chosen": answers[0], "rejected": answers[1]}
    assert OpenAIPreference().encode(texts) == {
        "input": {"messages": [message("user", prompt)]},
        "preferred_output": record["chosen"],
        "non_preferred_output": record["rejected"],
    }


def test_what_feeds_an_answer() -> None:
    plain = {"prompt": "p", "completion": "c"}
    assert PromptCompletion().encode({"instruction": "p", "output": "c"}) == plain
    assert PromptCompletion().encode({"instruction": "p", "input": "i", "completion": "c", "output": "o"}) == {
        "prompt": "p\n\ni",
        "completion": "c",
    }
    assert PromptCompletion(conversational=True).encode(plain) == {
        "prompt": [message("user", "p")],
        "completion": [message("assistant", "c")],
    }
    listed = PromptCompletion().encode({**plain, "system": "S"})
    assert listed["prompt"] == [message("system", "S"), message("user", "p")]
    # messages that end with the user are a prompt; those that end with the assistant hold the answer themselves
    assert PromptCompletion().encode({"messages": [U], "completion": "c"})["completion"] == [message("assistant", "c")]
    assert PromptCompletion().encode({"messages": [U, A, U, A], "output": "c"})["prompt"] == [U, A, U]
    assert KTO(good="thumb").encode({**plain, "thumb": True, "label": "x"}) == {**plain, "label": True}
    both = {**plain, "chosen": "a", "rejected": "b", "label": False}
    assert KTO().encode(both) == {**plain, "label": False}
    assert len(KTO().encode({**both, "label": None})) == 2


def have(*sure: str, maybe: tuple[str, ...] = ()) -> Have:
    return Have(frozenset(sure), frozenset(maybe))


def test_formats_declare_what_they_read() -> None:
    assert KTO().io(have("prompt", "completion", "label")) == IO.of(reads=["prompt", "completion", "label"])
    assert KTO().io(have("prompt", "chosen", "rejected")) == IO.of(reads=["prompt", "chosen", "rejected"])
    assert KTO().io(have("messages", "label", "chosen", maybe=("rejected",))) == IO.of(
        reads=["messages", "label"], optional=["chosen", "rejected"]
    )
    assert PromptCompletion().io(have("instruction", "output", "input")) == IO.of(
        reads=["instruction", "output"], optional=["input"]
    )
    assert PromptCompletion().io(have("messages", maybe=("output",))) == IO.of(reads=["messages"], optional=["output"])
    assert OpenAIChat().io(have("messages", maybe=("parallel_tool_calls",))) == IO.of(
        reads={"messages": list}, optional=["parallel_tool_calls"]
    )
    pair = have("prompt", "chosen", "rejected", "parallel_tool_calls", maybe=("system",))
    assert OpenAIPreference(conversational=True).io(pair).optional == ("system", "parallel_tool_calls")


@pytest.mark.parametrize(
    ("format", "there", "said"),
    [
        (
            KTO(),
            have("prompt", "completion"),
            "it is fed by 'label' with 'completion', or by 'chosen' and 'rejected': add ",
        ),
        (
            KTO(),
            have("prompt", "label"),
            "it is fed by an answer in 'completion' or 'output' or by whole 'messages': add",
        ),
        (
            PromptCompletion(),
            have("prompt"),
            "it is fed by an answer in 'completion' or 'output' or by whole 'messages'",
        ),
        (
            PromptCompletion(),
            have("completion"),
            "it is fed by 'completion' and one of 'prompt', 'messages' and 'instruction': add one of 'prompt', ",
        ),
        (OpenAIPreference(), have("prompt", "chosen"), "it is fed by 'chosen', 'rejected' and one of 'prompt', "),
    ],
)
def test_what_is_missing_is_named_before_the_run(format: Format, there: Have, said: str) -> None:
    with pytest.raises(PipelineError) as caught:
        format.io(there)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("format", "record", "said", "reason"),
    [
        (KTO(), {"prompt": "p", "completion": "c", "label": 1}, "'label' is 1, neither true nor false", "no label"),
        (KTO(), {"prompt": "p", "completion": "c", "label": "x"}, "'label' is 'x', neither true nor false", "no label"),
        (KTO(), {"prompt": "p", "completion": " ", "label": True}, "column 'completion' is empty", "empty text"),
        (KTO(), {"prompt": "p", "chosen": "a", "rejected": " a"}, "what was chosen and what was", "no preference"),
        (KTO(), {"prompt": "p", "chosen": "a"}, "column 'rejected' is empty", "empty text"),
        (PromptCompletion(), {"prompt": "p"}, "neither 'completion' nor 'output' is there", "column"),
        (PromptCompletion(), {"completion": "p"}, "none of 'prompt', 'messages' and 'instruction' is there", "column"),
        (PromptCompletion(), {"messages": [U]}, "neither 'completion' nor 'output' is there", "column"),
        (PromptCompletion(), {"messages": [A]}, "column 'messages', message 1: assistant speaks where", "wrong roles"),
        (
            OpenAIPreference(),
            {"prompt": "p", "chosen": "a", "rejected": [A, U, A]},
            "an answer has 3 messages, and OpenAI takes one",
            "several messages",
        ),
        (OpenAIPreference(), {"prompt": "p", "chosen": "a", "rejected": "a"}, "what was chosen and", "no preference"),
        (
            OpenAIChat(),
            {"messages": [U, {**A, "weight": 2}]},
            "a message has the weight 2: 0 or 1 it must be",
            "weight",
        ),
        (OpenAIChat(), {"messages": [U, {**A, "weight": True}]}, "a message has the weight True: 0 or 1", "weight"),
        (OpenAIChat(), {"messages": [U, {**A, "weight": 0}]}, "all messages of the assistant have the", "weight"),
        (
            OpenAIChat(),
            {"messages": [{**U, "weight": 1}, A]},
            "column 'messages', message 1 has 'weight'",
            "unknown key",
        ),
        (
            OpenAIChat(),
            {"messages": [U, A], "parallel_tool_calls": "yes"},
            "column 'parallel_tool_calls' is 'yes', neither true nor false",
            "not true or false",
        ),
        (
            OpenAIChat(),
            {"messages": [U, message("assistant", [IMAGE])]},
            "column 'messages', message 2, part 1 is neither a text that says something nor an image of the user",
            "parts",
        ),
        (
            OpenAIChat(),
            {"messages": [message("user", [{"type": "text", "text": " "}]), A]},
            "column 'messages', m",
            "parts",
        ),
        (
            OpenAIChat(),
            {"messages": [message("user", [{"type": "audio"}]), A]},
            "column 'messages', message 1",
            "parts",
        ),
        (
            DPO(),
            {"prompt": [message("user", [IMAGE])], "chosen": "a", "rejected": "b"},
            "column 'prompt', mess",
            "parts",
        ),
    ],
)
def test_records_that_cannot_be_examples(format: Format, record: dict[str, Any], said: str, reason: str) -> None:
    with pytest.raises(RecordError) as caught:
        format.encode(record)
    assert str(caught.value).startswith(said)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("format", "example", "said"),
    [
        (KTO(), {"prompt": "p", "completion": "c"}, "the example has no 'label'"),
        (KTO(), {"prompt": "p", "completion": "c", "label": 0}, "'label' is 0, neither true nor false"),
        (KTO(), {"prompt": "p", "completion": [A], "label": True}, "prompt and completion must all be texts, or all"),
        (KTO(), {"prompt": "p", "completion": "c", "label": True, "id": 1}, "the example has 'id', which this format"),
        (
            PromptCompletion(),
            {"prompt": [U], "completion": [U]},
            "'completion', message 1: user speaks where assistant",
        ),
        (
            OpenAIPreference(),
            {"input": [U], "preferred_output": [A], "non_preferred_output": [A]},
            "'input' is no mappi",
        ),
        (
            OpenAIPreference(),
            {"input": {"messages": [U]}, "preferred_output": [A], "non_preferred_output": [A]},
            "what was chosen and what was rejected are the same",
        ),
        (
            OpenAIPreference(),
            {"input": {"messages": [U, A]}, "preferred_output": [A], "non_preferred_output": [A]},
            "'input.messages' ends with assistant, not with user",
        ),
        (OpenAIChat(), {"messages": [U, A], "functions": []}, "the example has 'functions', which this format cannot"),
    ],
)
def test_examples_that_cannot_be_given_back(format: Format, example: dict[str, Any], said: str) -> None:
    with pytest.raises(RecordError) as caught:
        format.decode(example)
    assert str(caught.value).startswith(said)


def test_openai_holds_weights_names_parts_and_images() -> None:
    asked = message("user", [{"type": "text", "text": "What is it?"}, IMAGE], name="ann")
    record = {"messages": [asked, {**A, "weight": 0}, U, {**A, "weight": 1}], "parallel_tool_calls": False}
    assert back_and_there(OpenAIChat(), record) == record
    pair = {"prompt": [message("user", [IMAGE])], "chosen": [A], "rejected": [message("assistant", "y")]}
    back_and_there(OpenAIPreference(), pair)


@pytest.mark.parametrize("format", [KTO(), PromptCompletion(), OpenAIChat(), OpenAIPreference()])
def test_a_record_without_the_columns(format: Format) -> None:
    with pytest.raises(ColumnError):
        format.encode({"text": "x", "messages": None, "instruction": None})
