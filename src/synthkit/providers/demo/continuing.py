"""Going on where a prompt stops: the labels that its last block still lacks."""

from collections import Counter
from collections.abc import Sequence
from re import IGNORECASE, compile, search

from synthkit.providers.demo import judging, tasks
from synthkit.providers.demo.blocks import Line, Open
from synthkit.providers.demo.brief import labels, stems
from synthkit.providers.demo.dice import Dice
from synthkit.providers.demo.fields import text as field_text
from synthkit.providers.demo.imitation import closed_set
from synthkit.providers.demo.item import Item, choice, decision, is_question_of_class, reads_like_a_task
from synthkit.providers.demo.rates import NOISE
from synthkit.providers.demo.scene import Scene
from synthkit.providers.demo.tasks.sorting import is_known

_NOTHING = compile(r"^(?:<?no ?input>?|none\.?|n/?a|-+|\(none\)|\(empty\)|<empty>)$", IGNORECASE)


class Continuation:
    """What is due behind the open end of one prompt."""

    def __init__(self, dice: Dice, scene: Scene, rest: Open) -> None:
        self.dice, self.scene, self.rest = dice, scene, rest
        self.kinds = tasks.wanted(rest.head or scene.ask)
        self.final = self.final_label()

    def final_label(self) -> str:
        """The label that blocks end with."""
        ends = Counter(block[-1].label.lower() for block in self.rest.blocks)
        return ends.most_common(1)[0][0] if ends else self.rest.known[-1].label.lower()

    def write(self) -> str:
        """The text that goes on."""
        rest, first = self.rest, self.rest.first
        if rest.empty and len(rest.known) == 1 and rest.blocks:
            return self.new_blocks(first)
        open_line = rest.known[-1] if rest.empty else None
        if open_line is not None and (options := self.options(open_line)):
            return self.closed(open_line, options)
        return self.due(self.item(), list(rest.known[:-1] if rest.empty else rest.known), open_line)

    def item(self) -> Item:
        """The example that the last block has begun."""
        item = Item(self.dice, self.scene, False, self.kinds)
        known = [line for line in self.rest.known if line.value]
        said = next((line for line in known if line.role == "instruction"), None)
        if said is None and known and known[0] is self.rest.first and reads_like_a_task(known[0].value):
            said = known[0]
        task = said.value if said else None
        own = ("instruction", "score", "rationale")
        inputs = [line for line in known if line is not said and line.role not in own and not line.heading]
        given = "\n".join(
            line.value for line in inputs if not _NOTHING.match(line.value) and line.label.lower() != self.final
        )
        if task is None:
            task = self.rest.head.strip().split("\n\n")[0] or self.scene.instruction
        item.__dict__["instruction"] = task  # what cached properties would work out
        if given or any(_NOTHING.match(line.value) for line in inputs):
            item.__dict__["given"] = given
        elif self.rest.blocks:  # what the prompt shows as inputs belongs to other tasks
            item.__dict__["given"] = tasks.work_for(self.dice, task)
        return item

    def options(self, line: Line) -> tuple[str, ...]:
        """The closed set that the value due is taken from."""
        seen = [value for value in self.rest.values(line.label) if value]
        if len(seen) > 1 and (options := closed_set(seen)):
            return options
        told = search(r"\b(yes or no|true or false|yes/no|true/false)\b", self.scene.ask, IGNORECASE)
        if told and line.role in ("output", "label", ""):
            one, other = told[1].replace("/", " or ").split(" or ")
            return one.capitalize(), other.capitalize()
        return ()

    def closed(self, line: Line, options: Sequence[str]) -> str:
        """One of the options: by a rule on the last block where they are yes and no, else as its nearest neighbours."""
        names = [option.lower().strip(" .") for option in options]
        item = self.item()
        if line.role == "score" and all(name.isdecimal() for name in names):
            return self.value(item, line)
        if set(names) <= {"yes", "no", "true", "false"}:
            question = f"{line.label} {self.scene.ask} {self.rest.head}"
            if is_question_of_class(question) or self.scene.answers:
                truth = decision(self.dice, question, self.scene, item.instruction)
                return next(
                    (o for o, n in zip(options, names, strict=True) if (n in ("yes", "true")) == truth), options[0]
                )
        if sum(map(is_known, options)) * 2 > len(options):
            return choice(self.dice, self.scene, options, item.given or self.rest.known[0].value)
        return self.neighbour(line, options)

    def neighbour(self, line: Line, options: Sequence[str]) -> str:
        """The value of the complete block that shares most words with the last one, mostly."""
        if self.dice.chance(NOISE):
            return self.dice.pick(options)
        last = stems(" ".join(known.value for known in self.rest.known)[:3000])
        best, most = options[0], -1.0
        for block in self.rest.blocks:
            words = stems(" ".join(one.value for one in block if one.label.lower() != line.label.lower())[:3000])
            value = next((one.value for one in block if one.label.lower() == line.label.lower()), "")
            share = len(last & words) / (1 + len(words)) + 0.05 * self.dice.random()
            if value in options and share > most:
                best, most = value, share
        return best

    def new_blocks(self, first: Line) -> str:
        """Whole blocks, the first one without its label; several where they are numbered."""
        number = first.number
        several = self.dice.whole(4, 8) if number is not None else 1
        made = []
        for place in range(several):
            made.append(self.new_block(first, "" if place == 0 else _renumbered(first.head, number, place) + " "))
        return "\n\n".join(made)

    def new_block(self, first: Line, head: str) -> str:
        shown = self.dice.pick([block for block in self.rest.blocks if len(block) > 1] or list(self.rest.blocks))
        question = first.label.lower().startswith(("q", "problem"))
        if first.role == "instruction":
            item = Item(self.dice, self.scene, True, self.kinds, question)
            value = item.instruction
        else:
            item = Item(self.dice, self.scene, False, self.kinds)
            item.__dict__["instruction"] = self.rest.head.strip().split("\n\n")[0] or "Describe it."
            value = item.__dict__["given"] = tasks.work_for(self.dice, item.instruction) or field_text(
                item, first.label, "", ""
            )
        begun = Line(first.head, first.label, first.number, value, first.role, first.start)
        rest = self.due(item, [begun], None, shown) if len(shown) > 1 else ""
        return f"{head}{value}\n{rest}".rstrip()

    def due(self, item: Item, known: list[Line], open_line: Line | None, shown: Sequence[Line] | None = None) -> str:
        """What a block lacks, in the form of a complete one."""
        shape = self.shape(item, known, open_line, shown)
        if not shape:
            return self.value(item, open_line or known[-1])
        labels_first = [line for line in shape if line.role == "label"]
        others = [line for line in shape if line.role not in ("label",) and not line.heading]
        if labels_first and shape[0].role == "label" and others and self.final != "label":
            return self.by_label(item, labels_first[0], others[0], open_line)
        headings = [line for line in shape if line.heading]
        one = _once(shape)
        repeats = self.dice.whole(1, 3) if headings or len(one) < len(shape) - len(headings) else 1
        made = [
            self.instance(item if n == 0 else self.again(item), one, headings, n, open_line) for n in range(repeats)
        ]
        return "\n".join(made)

    def shape(
        self, item: Item, known: Sequence[Line], open_line: Line | None, shown: Sequence[Line] | None
    ) -> list[Line]:
        """The lines of a complete block that come after those known: of one with an input where the task needs one."""
        have = [line.label.lower() for line in known]
        fitting = []
        for block in [shown] if shown is not None else self.rest.blocks:
            names = [line.label.lower() for line in block]
            if names[: len(have)] == have or len(have) == 1:
                rest = list(block[len(have) :])
                if open_line is None or (rest and any(one.label.lower() == open_line.label.lower() for one in rest)):
                    fitting.append(rest)
        fitting = [rest for rest in fitting if rest]
        if open_line is not None and fitting:
            fitting = [_from(rest, open_line) for rest in fitting]
        if not fitting:
            return []
        needs = bool(item.given)
        best = [rest for rest in fitting if (len([one for one in rest if not one.heading]) > 1) == needs]
        return self.dice.pick(best or fitting)

    def again(self, item: Item) -> Item:
        """Another instance of the same task."""
        other = Item(self.dice, self.scene, item.fresh, self.kinds, item.question)
        other.__dict__["instruction"] = item.instruction
        other.__dict__["given"] = tasks.work_for(self.dice, item.instruction)
        return other

    def instance(
        self, item: Item, shape: Sequence[Line], headings: Sequence[Line], number: int, open_line: Line | None
    ) -> str:
        made = [_renumbered(headings[0].head, 1, number)] if headings else []
        for place, line in enumerate(shape):
            value = self.value(item, line)
            if number == 0 and place == 0 and open_line is not None and not headings:
                made.append(value)
            else:
                made.append(f"{self.printed(item, line)}{_gap(line)}{value}")
        return "\n".join(made)

    def printed(self, item: Item, line: Line) -> str:
        """The label as it is printed: the task's own word for its input where the examples use several."""
        if line.label.lower() == self.final or line.role not in ("input", ""):
            return line.head
        names = {
            one.label.lower()
            for block in self.rest.blocks
            for one in block[1:-1]
            if one.role in ("input", "") and not one.heading
        }
        return f"{tasks.kind_of(item.instruction).noun}:" if len(names) > 1 else line.head

    def value(self, item: Item, line: Line) -> str:
        """The value for a label."""
        name, role = line.label, line.role
        if line.label.lower() != self.final and role in ("input", "") and self.rest.blocks:
            return item.given or self.nothing(line)
        if options := self.options(line):
            return self.closed(line, options)
        if role == "score":
            low, high = judging.scale(self.scene.frame) or (1, 5)
            grade = judging.level(self.dice, item.instruction, item.given, judging.judged(self.scene))[0]
            return str(round(judging.on_scale(grade, low, high)))
        if role == "label":
            return item.labelled(tasks.closed(item.instruction) or labels(self.scene.ask) or ("general", "special"))
        if role in ("instruction", "rationale", "rejected") or (role not in ("", "input", "output") and name):
            return field_text(item, name, "", "")
        return item.output

    def nothing(self, line: Line) -> str:
        """What stands for no input in the examples."""
        return next((value for value in self.rest.values(line.label) if _NOTHING.match(value)), "None")

    def by_label(self, item: Item, label: Line, other: Line, open_line: Line | None) -> str:
        """A text for each of the task's labels, labels first."""
        names = tasks.closed(item.instruction) or labels(item.instruction) or ("yes", "no")
        made = []
        nouns = {
            one.label.lower() for block in self.rest.blocks for one in block if one.role != "label" and not one.heading
        }
        head = f"{tasks.kind_of(item.instruction).noun}:" if len(nouns) > 2 else other.head
        for place, name in enumerate(self.dice.some(names, 4)):
            begin = "" if place == 0 and open_line is not None else f"{label.head} "
            text = tasks.example_for(self.dice, item.instruction, name)
            made.append(f"{begin}{name}\n{head} {text}")
        return "\n".join(made)


def _from(rest: Sequence[Line], open_line: Line) -> list[Line]:
    place = next((n for n, line in enumerate(rest) if line.label.lower() == open_line.label.lower()), 0)
    return list(rest[place:])


def _once(shape: Sequence[Line]) -> list[Line]:
    """The lines of the first instance only: up to the first label that comes again in the same place."""
    made: list[Line] = []
    headings = 0
    for line in shape:
        headings += line.heading
        if line.heading:
            if headings > 1:
                break
            continue
        if any(line.label.lower() == other.label.lower() for other in made):
            break
        made.append(line)
    return made


def _renumbered(head: str, number: int | None, place: int) -> str:
    """The label with another number."""
    if number is None:
        return head
    found = search(r"\d+", head)
    return f"{head[: found.start()]}{number + place}{head[found.end() :]}" if found else head


def _gap(line: Line) -> str:
    return " " if line.head.rstrip("*")[-1:] in ":?" else "\n"


def continued(dice: Dice, scene: Scene, rest: Open) -> str:
    """The labels that are due, in the format of the prompt."""
    return Continuation(dice, scene, rest).write()
