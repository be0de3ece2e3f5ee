"""Written files, read by the libraries that train on them: datasets, TRL, transformers' templates, OpenAI's types."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from formats_kit import TOOLS, answer, call, message, turns

from synthkit.core import Format, Record
from synthkit.core.files import read_rows
from synthkit.engine.examples import encoded, sink
from synthkit.engine.export import write
from synthkit.engine.target import target_of
from synthkit.formats import DPO, KTO, Alpaca, ChatML, OpenAIChat, OpenAIPreference, PromptCompletion, ShareGPT
from synthkit.plugins import registry

Load = Callable[[Path], Any]
SUFFIXES = (".jsonl", ".json", ".parquet")
ROME = '{"city":"Rome","days":[1,2.5]}'
PLAIN: list[dict[str, Any]] = [
    {"messages": turns([("How high is Etna?", "3,357 metres."), ("And Fuji?", "3,776 metres.")], None)},
    {"messages": turns([('日本語 ≠ \u2028 " \\ \x00 🦊', "line\nline\r\n\ttab")], "Be brief.")},
    {"instruction": "Add.", "input": "1 2", "output": "3"},
    {"instruction": "Name a city.", "output": "Oslo", "system": "Answer in one word."},
]
CALLING: list[dict[str, Any]] = [
    {
        "messages": [
            message("system", "Use tools."),
            message("user", "Weather in Rome?"),
            call(("c1", "weather", ROME), ("c2", "search", '{"q":"Rome"}')),
            answer("c2", "a city"),
            answer("c1", "sunny"),
            message("assistant", "Sunny."),
        ],
        "tools": TOOLS,
    },
    {"messages": turns([("Hi", "Ho")], None)},
    {"messages": [message("user", "Add 1"), call(("c3", "add", '{"n":null}'))], "tools": TOOLS[2:]},
]
PAIRS: list[dict[str, Any]] = [
    {"prompt": "Name a city.", "chosen": "Oslo.", "rejected": "Norway."},
    {"instruction": "Add.", "input": "1 2", "chosen": "3", "rejected": "12"},
]
ASKED: list[dict[str, Any]] = [
    {"messages": [*turns([("Hi", "Ho")], "S"), message("user", "Bye?")], "chosen": "Bye.", "rejected": "What?"},
    {
        "prompt": [message("user", "Weather?")],
        "chosen": [call(("c1", "weather", ROME))],
        "rejected": "I cannot know.",
        "tools": TOOLS,
    },
]
FILES: Mapping[str, tuple[Format, list[dict[str, Any]]]] = {
    "sharegpt": (ShareGPT(), [*PLAIN, *CALLING]),
    "alpaca": (Alpaca(), [PLAIN[1], *PLAIN[2:]]),
    "chatml": (ChatML(), PLAIN),
    "chatml with tools": (ChatML(), CALLING),
    "chatml as text": (ChatML(text=True), PLAIN),
    "dpo": (DPO(), PAIRS),
    "dpo in conversation": (DPO(conversational=True), [*PAIRS, *ASKED]),
    "kto": (KTO(), [*PAIRS, {"prompt": "p", "completion": "c", "label": False}]),
    "kto in conversation": (KTO(), ASKED),
    "prompt and completion": (PromptCompletion(), PLAIN[2:3]),
    "prompt and completion in conversation": (PromptCompletion(conversational=True), [*PLAIN, *CALLING]),
    "openai": (
        OpenAIChat(),
        [*PLAIN, *CALLING, {"messages": [message("user", "a"), message("assistant", "b", weight=1)]}],
    ),
    "openai preference": (OpenAIPreference(), [*PAIRS, *ASKED]),
}
TEMPLATE = """\
{%- if tools %}<|im_start|>tools
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}<|im_end|>
{% endif %}
{%- for message in messages %}
<|im_start|>{{ message.role }}
{% if 'tool_calls' in message %}
{%- for call in message.tool_calls %}<call>{{ call.function.name }}{{ call.function.arguments.items() | list | tojson }}
{% endfor %}
{%- else %}{{ message.content }}{% endif %}<|im_end|>
{%- endfor %}
{%- if add_generation_prompt %}
<|im_start|>assistant
{% endif %}"""
"""A template as models bring them: it asks whether there is a key, and takes arguments for an object."""


def examples(name: str) -> list[dict[str, Any]]:
    format, records = FILES[name]
    return [example for record in records for example in encoded(format, record)]


def written(path: Path, made: list[dict[str, Any]]) -> list[str]:
    """Writes a file, and returns what was said of it."""
    with sink(path) as file:
        for example in made:
            file.add(example)
        file.close()
        file.publish()
    return file.notes


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of its own, and no network, for what Hugging Face's libraries import and load."""
    folder = tmp_path_factory.mktemp("hub")
    before = {name: os.environ.get(name) for name in ("HF_HOME", "HF_HUB_OFFLINE", "TRANSFORMERS_VERBOSITY")}
    os.environ.update(HF_HOME=str(folder), HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")
    yield folder
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture(scope="module")
def load(hub: Path) -> Load:
    """Loads a file as Hugging Face's datasets does."""
    import datasets

    datasets.disable_progress_bars()

    def load(path: Path) -> Any:
        kind = "parquet" if path.suffix == ".parquet" else "json"
        return datasets.load_dataset(kind, data_files=str(path), split="train", cache_dir=str(hub / path.stem))

    return load


@pytest.fixture(scope="module")
def trl(hub: Path) -> ModuleType:
    from trl import data_utils

    return data_utils


@pytest.fixture(scope="module")
def tokenizer(hub: Path) -> Any:
    """A tokenizer that knows where turns begin and end, and no word."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import PreTrainedTokenizerFast

    vocabulary = {"<unk>": 0, "<|im_start|>": 1, "<|im_end|>": 2}
    made = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", eos_token="<|im_end|>")
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def bare(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without the columns that are not there on it."""
    return {name: value for name, value in row.items() if value is not None}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", FILES)
def test_datasets_gives_back_what_was_written(name: str, suffix: str, tmp_path: Path, load: Load) -> None:
    made = examples(name)
    path = tmp_path / f"{name.replace(' ', '-')}{suffix}"
    written(path, made)
    assert [bare(row) for row in load(path)] == made
    assert [bare(row) for _, row in read_rows(path)] == made
    format = FILES[name][0]
    for _, row in read_rows(path):
        assert encoded(format, format.decode(row)) == [bare(row)]


@pytest.mark.parametrize("name", ["train", "sft"])
def test_datasets_finds_the_halves_of_a_split(name: str, tmp_path: Path, hub: Path) -> None:
    import datasets

    talks = [{"instruction": f"Tell me about {n * 7919}", "output": f"It is {n}."} for n in range(10)]
    target = target_of(f"{tmp_path}/{name}.jsonl:alpaca", registry())
    records = [Record(f"{n}", f"{n}", talk) for n, talk in enumerate(talks)]
    write([target], lambda: records, split=0.8)
    found = datasets.load_dataset(str(tmp_path), cache_dir=str(hub / name))
    assert {split: len(found[split]) for split in found} == {"train": 8, "validation": 2}


def test_columns_have_real_types_where_there_is_one(tmp_path: Path, load: Load) -> None:
    turns = {"role": "string", "content": "string"}
    expected = {
        "chatml": ({"messages": turns}, []),
        "dpo": ({"prompt": "string", "chosen": "string", "rejected": "string"}, []),
        "dpo in conversation": ({"prompt": turns}, ["chosen", "tools"]),
        "kto": ({"prompt": "string", "completion": "string", "label": "bool"}, []),
        "chatml with tools": ({}, ["messages", "tools"]),
    }
    for name, (typed, text) in expected.items():
        made = examples(name)
        if name == "dpo in conversation":
            made = [{**example, "rejected": "", "chosen": [*example["chosen"], {"role": "x"}]} for example in made]
        notes = written(tmp_path / f"{name}.parquet", made)
        features = load(tmp_path / f"{name}.parquet").features
        for column, kind in typed.items():
            assert _kind(features[column]) == kind
        assert [column for column in features if features[column]._type == "Json"] == text
        assert notes == (
            [f"{', '.join(text)}: written as JSON text, since the values have no one type"] if text else []
        )


def _kind(feature: Any) -> Any:
    """A feature by plain names; of a list, that of its items."""
    inner = getattr(feature, "feature", feature)
    if isinstance(inner, dict):
        return {name: _kind(one) for name, one in inner.items()}
    return inner.dtype.removeprefix("large_")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_trl_knows_both_forms(suffix: str, tmp_path: Path, load: Load, trl: ModuleType) -> None:
    for name in FILES:
        if not name.startswith(("chatml", "dpo", "kto", "prompt")):
            continue
        path = tmp_path / f"{name.replace(' ', '-')}{suffix}"
        written(path, examples(name))
        talks = "conversation" in name or name in ("chatml", "chatml with tools")
        for row in load(path):
            assert trl.is_conversational(row) is talks
            assert trl.maybe_extract_prompt(bare(row)) == bare(row)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", ["dpo", "dpo in conversation"])
def test_trl_unpairs_preferences_into_our_kto(
    name: str, suffix: str, tmp_path: Path, load: Load, trl: ModuleType
) -> None:
    format, records = FILES[name]
    assert isinstance(format, DPO)
    written(tmp_path / f"pairs{suffix}", examples(name))
    unpaired = trl.maybe_unpair_preference_dataset(load(tmp_path / f"pairs{suffix}"))
    kto = KTO(conversational=format.conversational)
    expected = [example for record in records for example in encoded(kto, record)]
    assert Counter(_text(bare(row)) for row in unpaired) == Counter(_text(example) for example in expected)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "name", [name for name in FILES if "conversation" in name or "tools" in name or name == "chatml"]
)
def test_chat_templates_say_all_of_it(
    name: str, suffix: str, tmp_path: Path, load: Load, trl: ModuleType, tokenizer: Any
) -> None:
    """Prompts end where the answer begins; contents, calls, arguments and definitions are all in the text."""
    made = examples(name)
    written(tmp_path / f"x{suffix}", made)
    for row, example in zip(load(tmp_path / f"x{suffix}"), made, strict=True):
        row = bare(row)
        text = trl.maybe_apply_chat_template(row, tokenizer, tools=row.get("tools"))
        parts = {key: value for key, value in text.items() if key != "label"}
        if "prompt" in parts:
            assert parts["prompt"].endswith("<|im_start|>assistant\n")
            assert all(value.endswith("<|im_end|>") for key, value in parts.items() if key != "prompt")
        whole = "".join(parts.values())
        for definition in example.get("tools", ()):
            assert json.dumps(definition, ensure_ascii=False) in whole
        for key in ("messages", "prompt", "completion", "chosen", "rejected"):
            for turn in example.get(key, ()):
                assert turn["content"] is None or turn["content"] in whole
                for one in turn.get("tool_calls", ()):
                    given = json.dumps(list(one["function"]["arguments"].items()))
                    assert f"<call>{one['function']['name']}{given}" in whole
        if "messages" in row:
            ids = tokenizer.apply_chat_template(row["messages"], tools=row.get("tools"), return_dict=False)
            assert ids.count(2) == len(row["messages"]) + ("tools" in row)


@pytest.mark.parametrize("name", ["openai", "openai preference"])
def test_openai_takes_the_lines(name: str, tmp_path: Path) -> None:
    """Each line is what the API reference says of a training example, by the types of OpenAI's own library."""
    from openai.types.chat import ChatCompletionAssistantMessageParam, ChatCompletionMessageParam
    from openai.types.chat import ChatCompletionFunctionToolParam as ToolParam
    from pydantic import TypeAdapter

    message_type = TypeAdapter(ChatCompletionMessageParam)
    assistant_type, tool_type = TypeAdapter(ChatCompletionAssistantMessageParam), TypeAdapter(ToolParam)
    written(tmp_path / "train.jsonl", examples(name))
    lines = (tmp_path / "train.jsonl").read_text(encoding="utf-8").split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(examples(name))
    for line in lines:
        example = json.loads(line)
        asked = example if name == "openai" else example["input"]
        assert set(asked) <= {"messages", "tools", "parallel_tool_calls"}
        for given in asked["messages"]:
            assert set(given) <= {"role", "content", "name", "weight", "tool_calls", "tool_call_id"}
            assert given.get("weight", 1) in (0, 1)
            consumed(message_type.validate_python({k: v for k, v in given.items() if k != "weight"}, strict=True))
            assert given["content"] or given.get("tool_calls")
        for tool in asked.get("tools", ()):
            consumed(tool_type.validate_python(tool, strict=True))
        last = asked["messages"][-1]["role"]
        if name == "openai":
            assert last == "assistant"
        else:
            assert last in ("user", "tool")
            for key in ("preferred_output", "non_preferred_output"):
                assert len(example[key]) == 1
                consumed(assistant_type.validate_python(example[key][0], strict=True))


def consumed(value: Any) -> None:
    """Reads what pydantic checks only when it is read."""
    if isinstance(value, Mapping):
        for item in value.values():
            consumed(item)
    elif not isinstance(value, str) and hasattr(value, "__iter__"):
        for item in value:
            consumed(item)
