"""The demo model goes wrong as often as it says."""

import json
import re
from collections.abc import Callable

import pytest
from demo_kit import ask, replies, texts

from synthkit.providers.demo.common import COMMON
from synthkit.providers.demo.faults import REFUSED
from synthkit.providers.demo.rates import EXACT_DUPLICATES, MALFORMED, NEAR_DUPLICATES, NOISE, POOR, REFUSALS
from synthkit.providers.demo.tasks import POOR_ANSWERS

LIST = "Continue.\n\nTask 1: Name a river.\nTask 2: Sort the list of names.\nTask 3:"
PAIRS = {
    "type": "object",
    "properties": {"question": {"type": "string"}, "answer": {"type": "string"}},
    "required": ["question", "answer"],
}
BAD = {text for kind in POOR_ANSWERS for text in kind}


def near(count: int, total: int, rate: float) -> bool:
    """Within four standard deviations of a rate."""
    return abs(count - rate * total) <= 4 * (total * rate * (1 - rate)) ** 0.5


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def test_instructions_repeat_common_ones() -> None:
    made = [re.sub(r"^Task \d+: ", "", line) for text in texts(LIST, 1000) for line in text.splitlines()]
    assert len(made) > 4000
    assert near(sum(text in COMMON for text in made), len(made), EXACT_DUPLICATES)
    known = [words(text) for text in COMMON]
    alike = [
        text
        for text in made
        if text not in COMMON and any(len(words(text) & one) >= 0.8 * len(words(text) | one) for one in known)
    ]
    assert near(len(alike), len(made), NEAR_DUPLICATES)
    assert len(set(alike)) > 40


@pytest.mark.parametrize("prompt", [LIST, "Hello there, who are you?", "Explain tides."])
def test_refusals_are_polite_and_rare(prompt: str) -> None:
    found = replies(prompt, 3000)
    refused = [reply for reply in found if reply.refusal]
    assert near(len(refused), len(found), REFUSALS)
    assert {reply.refusal for reply in refused} == set(REFUSED)
    assert all(reply.text == "" and reply.finish == "stop" and reply.usage.output for reply in refused)


def broken(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize(
    ("prompt", "schema"),
    [
        ("Ask me something.", PAIRS),
        (f"Ask me something. Answer with one JSON value that fits this JSON schema:\n{json.dumps(PAIRS)}", None),
        ('Ask me something, as JSON with the keys "question" and "answer".', None),
    ],
)
def test_json_is_malformed_at_times(prompt: str, schema: object) -> None:
    found = texts(prompt, 3000, schema)
    bad = [text for text in found if broken(text)]
    assert near(len(bad), len(found), MALFORMED)
    ways: list[Callable[[str], bool]] = [
        lambda text: text.startswith("Here is") and "```" in text,
        lambda text: "'question':" in text,
        lambda text: text.rstrip().endswith(",}"),
        lambda text: text.startswith('{"') and not text.endswith("}"),
    ]
    assert all(any(way(text) for text in bad) for way in ways)


@pytest.mark.parametrize(
    "prompt",
    [
        "Explain what inflation is.",
        "Instruction: Explain what inflation is.\nOutput:",
        "Please explain tides to a child.",
    ],
)
def test_answers_are_poor_at_times(prompt: str) -> None:
    found = texts(prompt, 3000)
    assert near(sum(text in BAD for text in found), len(found), POOR)
    assert all(any(text in kind for text in found) for kind in POOR_ANSWERS)


def test_answers_in_json_are_poor_as_often() -> None:
    found = [json.loads(text)["answer"] for text in texts("Ask me something.", 3000, PAIRS) if not broken(text)]
    assert near(sum(text in BAD for text in found), len(found), POOR)


def test_yes_and_no_are_the_wrong_way_round_at_times() -> None:
    shown = (
        "Task: Is it spam?\nClassification? Yes\n\nTask: Write a song.\nClassification? No\n\nTask: {}\nClassification?"
    )
    for task, right in (("Write a letter about tea.", "Yes"), ("Classify the note as urgent or routine.", "No")):
        found = texts(shown.format(task), 2000)
        assert near(sum(text == right for text in found), len(found), NOISE)


def test_repairs_succeed_mostly_and_are_never_refused() -> None:
    talk = [
        {"role": "user", "content": "Ask me something."},
        {"role": "assistant", "content": '{"question": "What is'},
        {"role": "user", "content": "That answer cannot be used: it is not JSON. Answer again."},
    ]
    found = replies(talk, 1000, PAIRS)
    assert not any(reply.refusal for reply in found)
    good = [reply for reply in found if not broken(reply.text)]
    assert len(good) > 0.94 * len(found)
    assert all(json.loads(reply.text).keys() == {"question", "answer"} for reply in good)
    twice = [*talk, {"role": "assistant", "content": "Sorry!"}, {"role": "user", "content": "This is no valid JSON."}]
    assert not broken(ask(twice, "1", PAIRS).text)
