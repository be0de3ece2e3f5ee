"""The second half of Self-Instruct: classification or not, then instances of each task."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from synthkit.core import IO, KEEP, Answer, Context, Fields, Filter, Have, Prompt, Record, Verdict, drop
from synthkit.errors import AnswerError
from synthkit.techniques import self_instruct_templates as templates
from synthkit.techniques.self_instruct_lists import LEAD
from synthkit.techniques.self_instruct_tasks import Continuation

Pair = tuple[str, str]
"""Input and output."""


class Classification(Prompt):
    """Asks whether a task is classification, and writes `is_classification`: true or false.

    An answer that is neither yes nor no fails the record.
    """

    template: str = templates.CLASSIFICATION

    # The original wishes for 3 tokens and a stop at the line's end, which leaves a model that thinks first no answer.
    wishes: ClassVar[Mapping[str, Any]] = {"temperature": 0}

    def written(self) -> Sequence[str]:
        return ("is_classification",)

    def read(self, answer: Answer, record: Record) -> Fields:
        said = yes_or_no(answer.text)
        if said is None:
            raise AnswerError(f"neither yes nor no: {answer.text[:200]!r}", reason="neither yes nor no")
        return {"is_classification": said}


FIRST = re.compile(r"(?i)\W*(?:is it (?:a )?classification(?: task)?\W*)?(?:answer\W+)?(yes|no)\b")
LAST = re.compile(r"(?i)\b(yes|no)\W*$")


def yes_or_no(text: str) -> bool | None:
    """What an answer says in its first word, or else in its last."""
    said = FIRST.match(text) or LAST.search(text)
    return said.group(1).lower() == "yes" if said else None


class Instances(Continuation):
    """Asks for examples of a task, and makes a record with `input` and `output` of each."""

    max_instances: int = Field(5, ge=1)

    own: ClassVar[Sequence[str]] = ("max_instances",)
    # Temperature and penalty are the original's. It allows 300 to 350 tokens, which cuts many answers; with
    # temperature 0 its top_p of 0 says nothing more, and some services refuse it.
    wishes: ClassVar[Mapping[str, Any]] = {"temperature": 0, "presence_penalty": 1.5, "max_tokens": 1024}

    def written(self) -> Sequence[str]:
        return ("input", "output")

    def extras(self, record: Record) -> Mapping[str, Any]:
        return {"max_instances": self.max_instances}

    def pairs(self, text: str) -> list[Pair]:
        """The inputs and outputs in an answer."""
        raise NotImplementedError

    def read(self, answer: Answer, record: Record) -> Sequence[Fields] | Verdict:
        pairs = self.pairs(own_task(answer.text))
        if answer.finish == "length":
            pairs = pairs[:-1]
        if not pairs:
            return drop("cut off" if answer.finish == "length" else "no instances", answer.text[:200])
        chosen = choose(pairs, self.max_instances)
        if chosen is None:
            return drop("same input, different outputs", answer.text[:200])
        return [{"input": given, "output": made} for given, made in chosen]


class OutputFirst(Instances):
    """For classification: the label first, so that not all inputs belong to the same one."""

    template: str = templates.OUTPUT_FIRST

    def stops(self, record: Record) -> Sequence[str]:
        return ("\nTask:",)

    def pairs(self, text: str) -> list[Pair]:
        return labelled(text)


class InputFirst(Instances):
    """For all other tasks: the input first, then its output."""

    template: str = templates.INPUT_FIRST

    def stops(self, record: Record) -> Sequence[str]:
        return "\nTask:", f"\nExample {self.max_instances + 1}"

    def pairs(self, text: str) -> list[Pair]:
        return examples(text)


CLASS = re.compile(LEAD + r"(?:\d+[.)]\s*)?class label\s*\d*[*_]*:[*_]*[ \t]*")
EXAMPLE = re.compile(LEAD + r"example\s*\d+[*_]*[.:)]?[*_]*[ \t]*")
INPUT = re.compile(LEAD + r"input\s*\d*[*_]*:[*_]*")
OUTPUT = re.compile(LEAD + r"output\s*\d*[*_]*:[*_]*")
NEXT = re.compile(LEAD + r"task\s*\d*[*_]*:")
RULE = re.compile(r"\n\s*(?:-{3,}|\*{3,})\s*$")
NOTHING = {"none", "n/a", "no input", "not applicable", "<noinput>", "-"}


def own_task(text: str) -> str:
    """An answer without the task where it is stated again, and without another task where one follows."""
    text = text.strip()
    if restated := NEXT.match(text):
        text = text[restated.end() :].partition("\n")[2]
    following = NEXT.search(text)
    return text[: following.start()] if following else text


def labelled(text: str) -> list[Pair]:
    """The pairs of an output-first answer: behind each «Class label:» the label, on the lines below its input."""
    pairs = []
    for block in CLASS.split(text)[1:]:
        label, _, given = block.strip().partition("\n")
        pairs.append((_input(given), _plain(label).strip("*_ ")))
    return pairs


def examples(text: str) -> list[Pair]:
    """The pairs of an input-first answer: with «Example 1» and so on, or one pair, or an output alone."""
    blocks = EXAMPLE.split(text)
    if len(blocks) == 1 and len(INPUT.findall(text)) > 1:
        blocks = [f"Input:{block}" for block in INPUT.split(text)[1:]]
    elif len(blocks) > 1 and not OUTPUT.search(blocks[0]):
        blocks = blocks[1:]  # a courtesy before the first example
    found = [_pair(block) for block in blocks if OUTPUT.search(block)]
    if found or len(blocks) == 1:
        return found
    return [("", _plain(block)) for block in blocks if block.strip()]  # outputs, each as an example


def _pair(block: str) -> Pair:
    """Input and output of one example that has an «Output:»."""
    mark = OUTPUT.search(block)
    assert mark is not None
    made = OUTPUT.split(block[mark.end() :])[0]
    return _input(block[: mark.start()]), _plain(INPUT.split(made)[0])


def _input(text: str) -> str:
    """An input without the name «Input:»; the words that models write for no input become nothing."""
    text = text.strip()
    named = INPUT.match(text)
    text = _plain(text[named.end() :] if named else text)
    return "" if text.strip("()[]*_. ").lower() in NOTHING else text


def _plain(text: str) -> str:
    return RULE.sub("", text.strip()).strip()


def fault(pair: Pair) -> str:
    """Why an instance is no good, as a reason; empty for a good one. The faults are the original's."""
    given, made = pair
    if not made:
        return "empty output"
    if given == made:
        return "output repeats input"
    if given.endswith(":"):
        return "input ends with a colon"
    return "output ends with a colon" if made.endswith(":") else ""


def choose(pairs: Sequence[Pair], most: int) -> list[Pair] | None:
    """The instances of one task that go on: equal ones once, the first `most` good ones; None where they contradict.

    They contradict when good ones give different outputs for one input that is not empty: then the model did not
    understand the task. Faulty ones stay in, for the filter behind to count them by reason.
    """
    good = [pair for pair in dict.fromkeys(pairs) if not fault(pair)]
    inputs = [given for given, _ in good if given]
    if len(set(inputs)) < len(inputs):
        return None
    wanted = set(good[:most])
    return [pair for pair in dict.fromkeys(pairs) if pair in wanted or fault(pair)]


class ValidInstance(Filter):
    """Drops faulty instances, by the original's rules.

    Reasons: empty output, output repeats input, input ends with a colon, output ends with a colon.
    """

    def io(self, have: Have) -> IO:
        return IO.of(reads={"input": str, "output": str})

    async def check(self, record: Record, ctx: Context) -> Verdict:
        reason = fault((record["input"], record["output"]))
        return drop(reason) if reason else KEEP
