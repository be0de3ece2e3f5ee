"""What a conversation says: who asks for what, about which task, input and answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from re import IGNORECASE, MULTILINE, compile, search, split, sub
from typing import Any

from synthkit.providers.demo import jsons, labelled
from synthkit.providers.demo.brief import asked, line_starts, sentences
from synthkit.providers.demo.roles import Role, role_of
from synthkit.providers.demo.tasks import OTHER, kind_of

HEAD, TAIL = 6_000, 18_000
"""Characters of a long prompt that are looked at, from its beginning and from its end."""

_HEAD = compile(
    r"^[ \t>]*(?:"
    r"(?:\*\*|#)?(?P<colon>[A-Za-z][\w '’/()-]{0,60}?)#?(?:\*\*)?[ \t]?:(?:\*\*)?(?!/)"
    r"|#{1,6}[ \t]+(?P<hash>[^\n:#]{1,60}):?(?=[ \t]*$)"
    r"|\[(?P<square>[^\]\n]{1,60})\]:?"
    r"|<(?P<angle>/?[A-Za-z][\w -]{0,40})>"
    r"|\*\*(?P<bold>[^*\n]{1,60})\*\*(?=[ \t]*$)"
    r")[ \t]*",
    MULTILINE,
)
_OTHERS = compile(
    r"\b(?:end|criteri|rubric|scale|rules?|format|notes?|important|examples?|guidelines?|reminder)", IGNORECASE
)
_META = compile(
    r"^(?:rate|score|put|mark|judge|grade|evaluate|assess|reply|respond|return|give|provide|first|think|now|please|"
    r"use|answer (?:with|in|as|by)|your (?:answer|rating|score|verdict|task)|write|how|on a scale|is (?:this|the)|"
    r"does (?:this|the)|output only|do not|explain|begin|start|end with|after|then|finish|finally|which|choose|"
    r"decide|say|state|compare|be strict)\b",
    IGNORECASE,
)
_ABOUT_FORM = compile(r"\b(?:scores?|rating|grade|verdict|json|schema)\b", IGNORECASE)
_THINGS = (
    r"examples?|objects?|texts?|messages?|reviews?|comments?|tasks?|instructions?|questions?|prompts?|items?|entries|"
    r"records?|rows?|problems?|answers?|"
    r"pairs?|ones?|queries|requests?|samples?|exercises?|instances?|ideas?|topics?|names?|sentences?|variants?|"
    r"rewrites?|versions?|titles?|scenarios?|conversations?|labels?|keywords?|steps?|reasons?|personas?|more"
)
_COMPLAINT = r"json|schema|valid|pars|error|format|cannot be used|missing|field|required|\bfix\b"
_SYSTEM = ("system", "developer")
_WRITE = compile(r"\b(?:write|generate|create|give|make|produce|suggest|come up with)\b[^.:\n]*", IGNORECASE)
_TOLD = compile(r"\b(?:is|are|must|should|may|can)\b", IGNORECASE)
"""In a label that goes on behind its colon, it is a sentence: «The passage is all there is: …»."""
_REST = compile(r"[ \t]*\S")
_CODE = compile(r" [0-9a-f]{6,16}$")
_CORE = ("instruction", "input", "output", "rejected")
_CLOSERS = ("label", "rationale", "score")


@dataclass(frozen=True, slots=True)
class Section:
    """A labelled part of a prompt."""

    label: str
    role: Role
    text: str
    start: int


class Scene:
    """The parts of a conversation, found when they are first asked for."""

    def __init__(self, messages: Sequence[Mapping[str, Any]]) -> None:
        turns = [(str(m.get("role", "user")), text_of(m)) for m in messages]
        self.system = "\n".join(text for role, text in turns if role in _SYSTEM)[:HEAD]
        talk = [turn for turn in turns if turn[0] not in _SYSTEM] or [("user", self.system)]
        last = len(talk) - 1
        while _repairs(talk, last):
            last -= 2
        self.repair = last < len(talk) - 1
        while talk[last][0] == "assistant" and last:
            last -= 1
        whole = talk[last][1]
        self.text = clipped(whole)
        self.used: set[str] = set()  # what was asked about already

    @cached_property
    def values(self) -> list[tuple[int, int, Any]]:
        """The JSON values in the prompt."""
        return jsons.values(self.text)

    @cached_property
    def prose(self) -> str:
        """The prompt without its JSON values."""
        kept, place = [], 0
        for start, end, _ in self.values:
            kept.append(self.text[place:start])
            place = end
        return " ".join([*kept, self.text[place:]])

    @cached_property
    def sections(self) -> list[Section]:
        """The labelled parts whose meaning is known, in order."""
        heads = []
        for place in line_starts(self.text):
            found = _HEAD.match(self.text, place)
            if found is None:
                continue
            label = _CODE.sub("", next(part for part in found.groups() if part is not None).strip())
            ends = label.startswith("/") or bool(_OTHERS.search(label)) or label.lower().startswith("the end")
            told = label.count(" ") > 8 or bool(_TOLD.search(label) and _REST.match(self.text, found.end()))
            role: Role = "" if ends or told else role_of(label)
            if ends or role in _CORE or role in _CLOSERS:
                heads.append((found.start(), found.end(), label, role))
        bounds = [*(head[0] for head in heads), len(self.text)][1:]
        return [
            Section(label, role, _clean(self.text[end:bound], bound == len(self.text), role != "output"), start)
            for (start, end, label, role), bound in zip(heads, bounds, strict=True)
        ]

    @cached_property
    def ask(self) -> str:
        """What surrounds the parts: the system prompt, the first and the last paragraphs."""
        first = self.sections[0].start if self.sections else len(self.text)
        head = self.text[: min(first, 900)]
        paragraphs = self.text.rstrip().rsplit("\n\n", 1)
        tail = paragraphs[-1][-900:] if len(paragraphs) > 1 else ""
        told = " ".join(s.label for s in self.sections if s.label.count(" ") > 2)  # «Ask a question about this task:»
        return f"{self.system[:900]}\n{head}\n{told}\n{tail}"

    @cached_property
    def frame(self) -> str:
        """The prompt without its tasks, inputs and answers: what is said about them."""
        text = self.text
        for section in self.sections:
            if section.role in _CORE and section.text:
                text = text.replace(section.text, "", 1)
        return f"{self.system}\n{text}"

    @cached_property
    def instruction(self) -> str:
        """The task that the prompt is about; where no part is labelled so, what the user says."""
        known = [s.text for s in self.sections if s.role == "instruction" and s.text]
        if known:
            return known[-1]
        for _, _, value in self.values:
            for item in jsons.objects(value)[:1]:
                found = [v for key, v in item.items() if isinstance(v, str) and role_of(key) == "instruction"]
                if found and not jsons.is_schema(item):
                    return found[0]
        return self._unlabelled

    @cached_property
    def wanted_label(self) -> str:
        """The label that the prompt wants texts for; "" elsewhere."""
        return "" if any(s.role in _CORE and s.text for s in self.sections) else labelled.wanted(self.frame)

    @cached_property
    def single_task(self) -> bool:
        """Whether a part of the prompt is labelled as a task."""
        return any(s.role == "instruction" and s.text for s in self.sections)

    @cached_property
    def single(self) -> bool:
        """Whether the prompt gives one task, rather than none or several as examples."""
        number = sum(s.role == "instruction" for s in self.sections)
        return number == 1 or (number == 0 and "\n" in self.text.strip()) or '"' in self.text or "“" in self.text

    @cached_property
    def _unlabelled(self) -> str:
        paragraphs = [part.strip() for part in split(r"\n\s*\n", self.text.strip())]
        if len(paragraphs) > 1 and paragraphs[0].endswith(":") and kind_of(paragraphs[0]) is OTHER:
            return paragraphs[1]
        known = next((part for part in paragraphs[:6] if len(part) < 400 and kind_of(part) is not OTHER), "")
        if known and kind_of(paragraphs[0]) is OTHER:
            return known
        told = [part for part in sentences(paragraphs[0]) if not search(r"\b(?:json|keys?|schema)\b", part, IGNORECASE)]
        return " ".join(told) or paragraphs[0] or self.text.strip()

    @cached_property
    def given(self) -> str:
        """The input that goes with the task."""
        parts: list[Section] = []
        for section in reversed(self.sections):
            if section.role == "input" and section.text and all(section.label != part.label for part in parts):
                parts.insert(0, section)
            elif parts:
                break
        if parts:
            return "\n".join(part.text for part in parts)
        if any(s.role == "instruction" for s in self.sections):
            return ""
        paragraphs = split(r"\n\s*\n", self.text.strip(), maxsplit=1)
        rest = paragraphs[1].strip() if len(paragraphs) > 1 else ""
        return "" if rest == self.instruction or rest.startswith(self.instruction) else _clean(rest, True, True)

    @cached_property
    def answers(self) -> list[str]:
        """The answers that the prompt shows, empty ones included."""
        found = [s.text for s in self.sections if s.role in ("output", "rejected")]
        if found:
            return found
        items = [item for _, _, value in self.values for item in jsons.objects(value) if not jsons.is_schema(item)]
        texts = [v for item in items for key, v in item.items() if isinstance(v, str) and role_of(key) == "output"]
        return texts if not all(jsons.is_sketch(text) for text in texts) else []

    @cached_property
    def demos(self) -> list[dict[str, Any]]:
        """The JSON objects that show what is wanted."""
        items = [item for _, _, value in self.values if not jsons.is_schema(value) for item in jsons.objects(value)]
        return [item for item in items if not jsons.is_schema(item) and not jsons.is_sketch(item)][:60]

    def count(self, default: int, most: int = 60) -> int:
        """How many are asked for: by what tells to write them, or else by anything."""
        told = (asked(part[0], _THINGS) for part in _WRITE.finditer(self.frame[:3000]))
        found = next(filter(None, told), None) or asked(self.ask, _THINGS) or asked(self.prose[:3000], _THINGS)
        return min(found, most) if found else default


def text_of(message: Mapping[str, Any]) -> str:
    """The text of a message, its parts joined."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return ""


def clipped(text: str) -> str:
    """The text, without its middle where it is very long, and without long runs of blanks, which regexes dislike."""
    if "\n\n\n\n" in text:
        text = sub(r"\n{4,}", "\n\n\n", text)
    if " " * 40 in text or "\t" * 40 in text:
        text = sub(r"[ \t]{40,}", " ", text)
    return text if len(text) <= HEAD + TAIL else f"{text[:HEAD]}\n{text[-TAIL:]}"


def _clean(text: str, last: bool, first: bool) -> str:
    """The text of a part without what is said about the answer behind it; `first`: its first paragraph is its own."""
    text = text.split("</", 1)[0]
    keep = first or "\n\n" not in text[: len(text) - len(text.lstrip())]
    text = text.strip()
    if not text:
        return text
    if last or "\n\n" in text:
        parts = text.split("\n\n")
        while len(parts) > keep and _is_meta(parts[-1].strip()):
            parts.pop()
        text = "\n\n".join(parts)
    fenced = "```" in text or '"""' in text or "---" in text
    return sub(r"^(?:```\w*|\"\"\"|---)\n?|\n?(?:```|\"\"\"|---)$", "", text.strip()).strip() if fenced else text


def _is_meta(paragraph: str) -> bool:
    """Whether a paragraph behind an answer speaks about the answer that is wanted."""
    short = len(paragraph) < 400
    return not paragraph or bool(_META.match(paragraph)) or (short and bool(_ABOUT_FORM.search(paragraph)))


def _repairs(talk: Sequence[tuple[str, str]], last: int) -> bool:
    """Whether the turns up to the last one end with an answer with broken JSON and a complaint about it."""
    if last < 2 or talk[last][0] == "assistant" or talk[last - 1][0] != "assistant":
        return False
    answer, complaint = talk[last - 1][1][:4000], talk[last][1][:2000]
    shaped = search(r"[{\[]", answer) or search(r"json|schema", complaint, IGNORECASE)
    return bool(shaped and search(_COMPLAINT, complaint, IGNORECASE))
