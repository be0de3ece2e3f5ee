"""A kind of task: how its instructions are worded, what they work on, and how they are answered."""

from collections.abc import Callable
from dataclasses import dataclass

from synthkit.providers.demo.dice import Dice


def no_input(dice: Dice, instruction: str) -> str:
    """For instructions that need nothing besides."""
    return ""


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind of task. Everything is read from the instruction's own words, so that an instruction made in one
    answer gets a fitting input and output in a later one.

    cue: phrases that instructions of this kind say (`cues.index`). ask: makes an instruction. work: makes the input
    for one. solve: answers it. example: an input that a label fits, where the kind has a closed set of labels. noun:
    what the input is called. echoes: whether a good answer shares words with its task.
    """

    name: str
    cue: str
    ask: Callable[[Dice], str]
    solve: Callable[[Dice, str, str], str]
    work: Callable[[Dice, str], str] = no_input
    example: Callable[[Dice, str, str], str] | None = None
    noun: str = "Text"
    echoes: bool = True
    question: bool = False
    weight: int = 2


def worded(*templates: str) -> Callable[[Dice], str]:
    """Instructions from templates."""
    return lambda dice: dice.line(templates)
