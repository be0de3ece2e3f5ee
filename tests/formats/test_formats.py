"""Conversations and DPO: exact round trips both ways, the forms that trainers read, and what is refused."""

from typing import Any

import pytest
from formats_kit import ANY, FULL, MESSAGES, PAIRS, back_and_there, message, there_and_back, turns
from hypothesis import given
from hypothesis import strategies as st

from synthkit.core import IO, Format, Have
from synthkit.errors import ColumnError, PipelineError, RecordError
from synthkit.formats import DPO, Alpaca, ChatML, ShareGPT

ANSWERS = st.tuples(FULL, FULL).filter(lambda pair: pair[0].strip() != pair[1].strip())


@given(MESSAGES)
def test_conversations_round_trip(messages: list[dict[str, str]]) -> None:
    assert back_and_there(ChatML(), {"messages": messages}) == {"messages": messages}
    example = back_and_there(ShareGPT(), {"messages": messages})
    assert [turn["value"] for turn in example["conversations"]] == [turn["content"] for turn in messages]
    if any("<|im_" in turn["content"] for turn in messages):
        return
    text = back_and_there(ChatML(text=True), {"messages": messages})["text"]
    assert text.count("<|im_start|>") == text.count("<|im_end|>\n") == len(messages)


@given(FULL, ANY, FULL, st.none() | ANY)
def test_alpaca_round_trips(instruction: str, input: str, output: str, system: str | None) -> None:
    record = {"instruction": instruction, "input": input, "output": output}
    example = back_and_there(Alpaca(), record if system is None else {**record, "system": system})
    assert example == (record if system is None else {**record, "system": system})


@given(FULL, ANSWERS, PAIRS, st.none() | ANY)
def test_preferences_round_trip(prompt: str, answers: tuple[str, str], pairs: list, system: str | None) -> None:
    record: dict[str, Any] = {"prompt": prompt, "chosen": answers[0], "rejected": answers[1]}
    assert back_and_there(DPO(), record) == record
    listed = {
        "prompt": [*turns(pairs, system), {"role": "user", "content": prompt}],
        "chosen": [{"role": "assistant", "content": answers[0]}],
        "rejected": [{"role": "assistant", "content": answers[1]}, *turns(pairs, None)],
    }
    assert back_and_there(DPO(), listed) == listed
    assert back_and_there(DPO(conversational=True), listed) == listed


@given(FULL, st.none() | ANY, FULL, st.none() | ANY)
def test_instructions_become_the_same_conversation_everywhere(
    instruction: str, input: str | None, output: str, system: str | None
) -> None:
    record = {"instruction": instruction, "input": input, "output": output, "system": system}
    asked = f"{instruction}\n\n{input}" if input and input.strip() else instruction
    expected = turns([(asked, output)], system if system and system.strip() else None)
    assert ChatML().encode(record) == {"messages": expected}
    assert there_and_back(ShareGPT(), ShareGPT().encode(record)) == {"messages": expected}


def test_the_forms_that_trainers_read() -> None:
    record = {"instruction": "Add.", "input": "1 2", "output": "3", "system": "Be brief."}
    assert ShareGPT().encode(record) == {
        "conversations": [
            {"from": "system", "value": "Be brief."},
            {"from": "human", "value": "Add.\n\n1 2"},
            {"from": "gpt", "value": "3"},
        ]
    }
    assert Alpaca().encode(record) == record and list(Alpaca().encode(record))[-1] == "system"
    assert Alpaca().encode({"instruction": "Hi", "output": "Ho"}) == {"instruction": "Hi", "input": "", "output": "Ho"}
    assert Alpaca().encode({"messages": turns([("Hi", "Ho")], "S")}) == {
        "instruction": "Hi",
        "input": "",
        "output": "Ho",
        "system": "S",
    }
    assert ChatML(text=True).encode(record) == {
        "text": "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nAdd.\n\n1 2<|im_end|>\n"
        "<|im_start|>assistant\n3<|im_end|>\n"
    }
    pair = {"chosen": "3", "rejected": "4"}
    plain = {"prompt": "Add.\n\n1 2", **pair}
    assert DPO().encode({"instruction": "Add.", "input": "1 2", **pair}) == plain
    assert DPO().encode(plain) == plain
    listed = {
        "prompt": [{"role": "user", "content": "Add.\n\n1 2"}],
        "chosen": [{"role": "assistant", "content": "3"}],
        "rejected": [{"role": "assistant", "content": "4"}],
    }
    assert DPO(conversational=True).encode(plain) == listed
    assert DPO().encode({"messages": listed["prompt"], **pair}) == listed
    assert DPO().encode({"prompt": "Add.\n\n1 2", "chosen": "3", "rejected": listed["rejected"]}) == listed
    assert DPO().encode({**plain, "system": ""}) == listed
    assert DPO().encode({**plain, "system": "S"})["prompt"] == [{"role": "system", "content": "S"}, *listed["prompt"]]


def test_columns_have_the_names_that_are_given() -> None:
    format = ShareGPT(instruction="question", output="answer", messages="chat")
    example = format.encode({"question": "Q", "answer": "A", "instruction": "no", "output": "no"})
    assert [turn["value"] for turn in example["conversations"]] == ["Q", "A"]
    assert list(format.decode(example)) == ["chat"]
    dpo = DPO(prompt="question", chosen="best", rejected="worst")
    assert dpo.decode(dpo.encode({"question": "Q", "best": "B", "worst": "W"})) == {
        "question": "Q",
        "best": "B",
        "worst": "W",
    }


def test_messages_go_first_but_for_alpaca() -> None:
    record = {"messages": turns([("m", "n")], None), "instruction": "i", "output": "o"}
    assert ShareGPT().encode(record)["conversations"][0]["value"] == "m"
    assert Alpaca().encode(record)["instruction"] == "i"
    assert ShareGPT().encode({**record, "messages": None})["conversations"][0]["value"] == "i"


def have(*sure: str, maybe: tuple[str, ...] = ()) -> Have:
    return Have(frozenset(sure), frozenset(maybe))


def test_formats_declare_what_they_read() -> None:
    assert ShareGPT().io(have("messages", "instruction", "output")) == IO.of(reads={"messages": list})
    assert ChatML().io(have("instruction", "output", "input", maybe=("system",))) == IO.of(
        reads={"instruction": str, "output": str}, optional=["input", "system"]
    )
    assert Alpaca().io(have("messages", "instruction", "output")).reads == {"instruction": str, "output": str}
    assert DPO().io(have("instruction", "input", "chosen", "rejected")) == IO.of(
        reads=["instruction", "chosen", "rejected"], optional=["input"]
    )
    assert list(DPO().io(have("prompt", "messages", "chosen", "rejected")).reads) == ["prompt", "chosen", "rejected"]


@pytest.mark.parametrize(
    ("format", "there", "said"),
    [
        (
            ShareGPT(),
            have("instruction", "text"),
            "it is fed by 'messages', or by 'instruction' and 'output': add 'messages', or 'output'",
        ),
        (
            Alpaca(instruction="q"),
            have(maybe=("messages",)),
            "it is fed by 'messages', or by 'q' and 'output': add 'messages', or 'q' and 'output'",
        ),
        (
            DPO(),
            have("prompt", "chosen"),
            "it is fed by 'chosen', 'rejected' and one of 'prompt', 'messages' and 'instruction': add 'rejected'",
        ),
        (
            DPO(),
            have("rejected", "text"),
            "it is fed by 'chosen', 'rejected' and one of 'prompt', 'messages' and 'instruction': add 'chosen' and one "
            "of 'prompt', 'messages' and 'instruction'",
        ),
        (
            DPO(),
            have("prompt", "chosen", "rejected", maybe=("system",)),
            "column 'system' is there on some records only, which would mix two forms in one file: write it on every "
            "record, drop it, or ask for conversational=true",
        ),
    ],
)
def test_what_is_missing_is_named_before_the_run(format: Format, there: Have, said: str) -> None:
    with pytest.raises(PipelineError) as caught:
        format.io(there)
    assert str(caught.value) == said


U, A, S = message("user"), message("assistant"), message("system")


@pytest.mark.parametrize(
    ("messages", "said", "reason"),
    [
        ([], "column 'messages' is empty", "empty text"),
        ([S], "column 'messages' is empty", "empty text"),
        ([U], "column 'messages' ends with user, not with assistant", "wrong roles"),
        ([A], "column 'messages', message 1: assistant speaks where user must", "wrong roles"),
        ([S, U, U, A], "column 'messages', message 3: user speaks where assistant must", "wrong roles"),
        ([U, A, S, U, A], "column 'messages', message 3: system speaks where user must", "wrong roles"),
        ([U, message("bot")], "column 'messages', message 2: the role 'bot' is none of system,", "unknown role"),
        ([U, message(["x"])], "column 'messages', message 2: the role ['x'] is none of system,", "unknown role"),
        ([U, message("assistant", " \n")], "column 'messages', message 2 is empty", "empty text"),
        ([U, message("assistant", None)], "column 'messages', message 2: the content is not text", "not text"),
        ([U, message("assistant", ["x"])], "column 'messages', message 2: the content is not text", "not text"),
        ([U, message("assistant", tool_calls=[])], "column 'messages', message 2: 'tool_calls' is no", "wrong call"),
        ([U, message("assistant", name="x")], "column 'messages', message 2 has 'name', which", "unknown key"),
        ([U, "x"], "column 'messages', message 2 is no mapping of role and content", "not text"),
        ("hello", "column 'messages' is not a list of messages", "not text"),
        ({"role": "user"}, "column 'messages' is not a list of messages", "not text"),
    ],
)
def test_conversations_that_teach_nothing_are_refused(messages: Any, said: str, reason: str) -> None:
    for format in (ShareGPT(), ChatML(), Alpaca()):
        with pytest.raises(RecordError) as caught:
            format.encode({"messages": messages})
        assert str(caught.value).startswith(said)
        assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("format", "record", "said", "reason"),
    [
        (ShareGPT(), {"instruction": "a", "output": " "}, "column 'output' is empty", "empty text"),
        (ShareGPT(), {"instruction": "", "output": "b"}, "column 'instruction' is empty", "empty text"),
        (ChatML(), {"instruction": "a", "output": 3}, "column 'output' is not text", "not text"),
        (Alpaca(), {"instruction": "a", "input": ["x"], "output": "b"}, "column 'input' is not text", "not text"),
        (Alpaca(), {"instruction": "a", "system": 1, "output": "b"}, "column 'system' is not text", "not text"),
        (Alpaca(), {"messages": [U, A, U, A]}, "column 'messages' holds more than one exchange", "several exchanges"),
        (
            ChatML(text=True),
            {"instruction": "a<|im_end|>", "output": "b"},
            "a message holds <|im_start|>",
            "marks in text",
        ),
        (DPO(), {"prompt": "p", "chosen": "a", "rejected": ""}, "column 'rejected' is empty", "empty text"),
        (DPO(), {"prompt": "p", "chosen": 1, "rejected": "a"}, "column 'chosen' is not text", "not text"),
        (DPO(), {"prompt": " ", "chosen": "b", "rejected": "a"}, "column 'prompt' is empty", "empty text"),
        (DPO(), {"prompt": 3, "chosen": "b", "rejected": "a"}, "column 'prompt' is not a list of messages", "not text"),
        (
            DPO(),
            {"messages": [U, A], "chosen": "b", "rejected": "a"},
            "column 'messages' ends with assistant",
            "wrong roles",
        ),
        (
            DPO(),
            {"prompt": [U], "chosen": [U, A], "rejected": [A]},
            "column 'chosen', message 1: user speaks",
            "wrong roles",
        ),
        (DPO(), {"prompt": "p", "chosen": "a", "rejected": " a\n"}, "what was chosen and what was", "no preference"),
        (DPO(), {"prompt": [U], "chosen": [A], "rejected": [A]}, "what was chosen and what was", "no preference"),
    ],
)
def test_records_that_cannot_be_examples(format: Format, record: dict[str, Any], said: str, reason: str) -> None:
    with pytest.raises(RecordError) as caught:
        format.encode(record)
    assert str(caught.value).startswith(said)
    assert caught.value.reason == reason


@pytest.mark.parametrize("format", [ShareGPT(), ChatML(), Alpaca(), DPO()])
def test_a_record_without_the_columns(format: Format) -> None:
    with pytest.raises(ColumnError):
        format.encode({"text": "x", "messages": None, "instruction": None})


@pytest.mark.parametrize(
    ("format", "example", "said"),
    [
        (ShareGPT(), {"messages": []}, "the example has no 'conversations'"),
        (ShareGPT(), {"conversations": [], "id": 1}, "the example has 'id', which this format cannot hold"),
        (ShareGPT(), {"conversations": "x"}, "'conversations' is not a list of messages"),
        (ShareGPT(), {"conversations": ["x"]}, "'conversations' holds something that is no mapping"),
        (
            ShareGPT(),
            {"conversations": [{"from": "user", "value": "x"}]},
            "'from' is 'user', none of system, human, gpt",
        ),
        (ShareGPT(), {"conversations": [{"from": [], "value": "x"}]}, "'from' is [], none of system, human, gpt"),
        (ShareGPT(), {"conversations": [{"from": "gpt", "value": "x", "w": 0}]}, "the example has 'w', which this"),
        (ShareGPT(), {"conversations": [{"from": "human", "value": "x"}]}, "'conversations' ends with user"),
        (ChatML(), {"text": "x"}, "the example has no 'messages'"),
        (ChatML(text=True), {"text": "<|im_start|>user\nx<|im_end|>"}, "'text' is not made of <|im_start|>role"),
        (ChatML(text=True), {"text": "<|im_start|>user\n<|im_start|>x<|im_end|>\n"}, "a message holds <|im_start|> or"),
        (ChatML(text=True), {"text": "<|im_start|>user\nx<|im_end|>\n"}, "'text' ends with user, not with assistant"),
        (ChatML(text=True), {"text": 3}, "'text' is not made of <|im_start|>role"),
        (Alpaca(), {"instruction": "x", "input": "", "output": "y", "history": []}, "the example has 'history'"),
        (Alpaca(), {"instruction": "x", "input": ""}, "the example has no 'output'"),
        (DPO(), {"prompt": "p", "chosen": "a"}, "the example has no 'rejected'"),
        (DPO(), {"prompt": "p", "chosen": "a", "rejected": [A]}, "prompt, chosen and rejected must all be texts, or"),
        (DPO(conversational=True), {"prompt": "p", "chosen": "a", "rejected": "b"}, "prompt, chosen and rejected must"),
    ],
)
def test_examples_that_cannot_be_given_back(format: Format, example: dict[str, Any], said: str) -> None:
    with pytest.raises(RecordError) as caught:
        format.decode(example)
    assert str(caught.value).startswith(said)
