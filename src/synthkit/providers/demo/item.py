"""One example in the making: instruction, input, output, label and judgement, each fitting the others."""

from collections.abc import Callable, Sequence
from functools import cached_property
from re import IGNORECASE, compile, search

from synthkit.providers.demo import asking, judging, labelled, tasks
from synthkit.providers.demo.brief import topic
from synthkit.providers.demo.dice import Dice, capital
from synthkit.providers.demo.evolving import revised
from synthkit.providers.demo.rates import NOISE, POOR
from synthkit.providers.demo.roles import Role, is_revision
from synthkit.providers.demo.scene import Scene
from synthkit.providers.demo.tasks.kind import Kind
from synthkit.providers.demo.tasks.sorting import best, is_known
from synthkit.providers.demo.words.phrases import VERBS

_REVISE = compile(
    r"\b(?:rewrit\w+|evolv\w+|improv\w+|complicat\w+|harder|revis\w+|refin\w+|deepen\w*|more (?:complex|difficult|"
    r"challenging|"
    r"specific|concrete|demanding)|simplif\w+|rephras\w+|paraphras\w+|reword\w*)\b",
    IGNORECASE,
)
_SAME = compile(r"\b(?:rephras|paraphras|reword|other words|different words|variant)", IGNORECASE)
_DOUBT = compile(r"\b(?:clarif\w+|follow-?up|ask back|unclear|missing information)\b", IGNORECASE)
_CLARIFY = (
    "Who is going to read the result about {T}?",
    "How long should it be, and is there anything about {T} that must not be missing?",
    "Do you want an answer for {audience}, or for people who know {T} already?",
    "Which part of {T} matters most to you?",
    "By when do you need it, and what have you tried with {T} so far?",
)
_PASSAGE = compile(r"\b(?:passage|document|article|paragraph|excerpt|context|source|chapter|text)\b", IGNORECASE)
_THINKING = (
    "First I look at what is asked, which is {T}; then I check what is given and keep to that.",
    "The task is about {T}, so the answer should name it, stay short and fit the reader.",
    "What matters here is {aspect}; everything else about {T} can be left out.",
    "Since {benefit}, the answer about {T} follows directly.",
)
_PLAIN_CLASS = compile(
    r"\bclassif|\bcategor|\blabels?\b|\bfinite\b|\bclosed set|\bfixed set|\blimited (?:set|number)", IGNORECASE
)
_READS_LIKE = compile(
    r"\b(?:classify|categor|label|sentiment|true or false|yes or no|is it|whether|which (?:category|class|type|"
    r"section)|"
    r"choose (?:the|a|from)|spam|same (?:thing|meaning)|positive|detect if|either|decide if|odd one out)\b",
    IGNORECASE,
)


class Item:
    """What the fields of one object say. `fresh`: its instruction is a new one, not the one of the prompt."""

    def __init__(
        self,
        dice: Dice,
        scene: Scene,
        fresh: bool,
        kinds: tuple[Kind, ...] = (),
        question: bool = False,
        place: int = -1,
    ) -> None:
        self.dice, self.scene, self.fresh = dice, scene, fresh
        self.kinds, self.question, self.place = kinds, question, place
        self.label: str | None = None

    @cached_property
    def instruction(self) -> str:
        """The task: a new one, another version of the prompt's, or the prompt's own."""
        if not self.fresh:
            return self.scene.instruction
        if self._source:
            return asking.question(self.dice, self._source)
        return tasks.instruct(self.dice, self.kinds, self.question)

    @cached_property
    def _source(self) -> str:
        """A sentence of the prompt's passage, where new questions are to be about one."""
        scene = self.scene
        if not scene.given or scene.single_task or not _PASSAGE.search(scene.frame):
            return ""
        found = asking.statements(scene.given)
        fresh = [one for one in found if one not in scene.used] or found
        scene.used.add(picked := self.dice.pick(fresh))
        return picked

    @cached_property
    def given(self) -> str:
        """The input; "" where the task needs none."""
        if self.label is not None:
            return tasks.example_for(self.dice, self.instruction, self.label)
        if not self.fresh and self.scene.wanted_label:
            return labelled.written(self.dice, self.scene.wanted_label, self.scene.frame)
        if self.scene.given and (not self.fresh or self._source):
            return self.scene.given
        return tasks.work_for(self.dice, self.instruction)

    @cached_property
    def output(self) -> str:
        """The answer, at the stated rate a poor one."""
        if self.label is not None and tasks.closed(self.instruction):
            return self.label
        if self.fresh and self._source:
            return asking.answer(self._source) if not self.dice.chance(POOR) else tasks.poor(self.dice)
        return tasks.answer(self.dice, self.instruction, self.given)

    @cached_property
    def judgement(self) -> tuple[int, str]:
        """From 1 to 5, and why: of the prompt's answer, or of this item's own."""
        scene = self.scene
        if self.fresh:
            return judging.level(self.dice, self.instruction, self.given, self.output)
        return judging.level(self.dice, scene.instruction, scene.given, judging.judged(scene, self.place))

    def labelled(self, options: Sequence[str]) -> str:
        """One of the options: for new items any, then their input fits it; else the one that the prompt's text fits."""
        if self.fresh:
            self.label = self.dice.pick(options)
        elif self.label is None:
            self.label = choice(self.dice, self.scene, options)
        return self.label

    def revises(self, name: str) -> bool:
        """Whether a field wants another version of the prompt's task, or a question about it, and no new task."""
        if self.fresh or not self.scene.single:
            return False
        return is_revision(name) or bool(_REVISE.search(self.scene.ask) or _DOUBT.search(self.scene.ask))

    def text(self, role: Role, name: str, description: str = "") -> str:
        """The text for a field of this role."""
        match role:
            case "instruction":
                return self._instruction(name, description)
            case "input":
                return self.given
            case "output":
                return self.output
            case "rejected":
                return tasks.poor(self.dice)
            case "quote":
                return self._quote()
            case "rationale":
                return self._rationale()
        return ""

    def _instruction(self, name: str, description: str) -> str:
        about = f"{description} {self.scene.ask}"
        if self.fresh or not self.scene.instruction:
            return self.instruction
        if _DOUBT.search(about) or "clarif" in name:
            return self.dice.line(_CLARIFY, {"T": topic(self.scene.instruction)})
        if is_revision(name) or _REVISE.search(about):
            return revised(self.dice, self.scene.instruction, bool(_SAME.search(about)), self.scene.ask)
        return tasks.instruct(self.dice, self.kinds, self.question)

    def _quote(self) -> str:
        if self.fresh and self._source:
            return asking.quoted(self.dice, self._source)
        found = asking.statements(self.scene.given)
        return asking.quoted(self.dice, self.dice.pick(found)) if found else sentence(self.dice)

    @cached_property
    def duel(self) -> tuple[int, str]:
        """Which of the prompt's two answers is better, 0, 1 or 2 for neither, and why."""
        winner, why = judging.duel(self.dice, self.scene, ("The first answer", "The second answer", ""))
        return ("The first answer", "The second answer", "").index(winner), why

    def _rationale(self) -> str:
        if len(self.scene.answers) > 1 and self.place < 0 and judging.compares(self.scene):
            return self.duel[1]
        if self.label is not None and not self.fresh:
            return f"The words of the text speak for “{self.label}”."
        scored = bool(self.scene.answers) if not self.fresh else False
        if scored or judging.wanted(self.scene):
            return self.judgement[1]
        return self.dice.line(_THINKING, {"T": f"“{topic(self.instruction)}”"})


def wants_revision(scene: Scene) -> Callable[[Dice, Scene], str] | None:
    """Who writes another version of the prompt's task, or a question about it, where that is wanted; None elsewhere."""
    about = search(r"\b(?:instructions?|prompts?|tasks?|questions?|requests?|problems?)\b", scene.ask, IGNORECASE)
    if about is None or not any(s.role == "instruction" for s in scene.sections):
        return None
    if _DOUBT.search(scene.ask):
        return lambda dice, scene: dice.line(_CLARIFY, {"T": topic(scene.instruction)})
    if _REVISE.search(scene.ask):
        return lambda dice, scene: revised(dice, scene.instruction, bool(_SAME.search(scene.ask)), scene.ask)
    return None


def is_question_of_class(question: str) -> bool:
    """Whether a question asks if something is a task of classification."""
    return bool(_PLAIN_CLASS.search(question))


def reads_like_a_task(text: str) -> bool:
    """Whether a text tells somebody to do something: by its first word, or as a question."""
    first = search(r"[A-Za-z]+", text[:60])
    return bool(first and first[0].lower() in VERBS) or text.rstrip().endswith("?")


def reads_like_classification(instruction: str) -> bool:
    """Whether a task has a small closed set of answers, by its words."""
    return bool(tasks.closed(instruction)) or bool(_READS_LIKE.search(instruction))


def choice(dice: Dice, scene: Scene, options: Sequence[str], about: str = "") -> str:
    """The option that a rule on the prompt's task prefers."""
    names = [option.lower().strip(" .") for option in options]
    if {"yes", "no"} <= set(names) or {"true", "false"} <= set(names):
        truth = decision(dice, scene.ask, scene)
        wanted = ("yes", "true") if truth else ("no", "false")
        return options[next(n for n, name in enumerate(names) if name in wanted)]
    text = about or scene.given or scene.instruction
    return best(options, text) if any(map(is_known, names)) else dice.pick(options)


def decision(dice: Dice, question: str, scene: Scene, instruction: str = "") -> bool:
    """Yes or no: whether the task reads like a classification where that is asked, whether an answer is good where
    there is one, what a known task says; else by the dice."""
    noise = dice.chance(NOISE)
    task = instruction or scene.instruction
    if is_question_of_class(question):
        return reads_like_classification(task) != noise
    if scene.answers:
        return (judging.level(dice, task, scene.given, judging.judged(scene))[0] >= 3) != noise
    answer = tasks.solve(dice, task, scene.given).lower()
    if search(r"^(?:yes|true|no|false)\b", answer):
        return answer.startswith(("yes", "true")) != noise
    return dice.chance(0.5)


def sentence(dice: Dice, about: str = "") -> str:
    """A sentence, on a topic if one is given."""
    if about:
        return capital(dice.fill("{T} matters because {benefit}.", {"T": about}))
    return dice.line(("{sentence}",))
