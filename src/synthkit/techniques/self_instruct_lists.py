"""The tasks that a model wrote to continue a list."""

import re

LEAD = r"(?im)^[ \t>#*_-]*"
TASK = re.compile(LEAD + r"task\s*#?\s*(\d{1,3})\b[ \t]*[.):–—-]?[*_:]*[ \t]*")
NUMBER = re.compile(LEAD + r"(\d{1,3})\s?[.):]+[*_]*(?!\d)")
BULLET = re.compile(r"(?m)^[ \t]*[-*•](?=\s)()")
FIELD = re.compile(r"(?im)^[ \t>*_-]*(?:input|output|answer|solution|example(?: \d+)?)[ \t*_]*:")
LABEL = re.compile(r"(?i)^(?:task|instruction)\s*:\s*")
QUOTES = {'"': '"', "“": "”", "«": "»", "`": "`", "'": "'"}


def continued(text: str, first: int, cut: bool = False, *, alone: bool = False) -> list[str]:
    """The tasks in a continuation of a list that ended with an open «Task first:».

    Models answer in many ways: they go on right behind the colon, state the open number again, start from 1, write
    «9.» or «**Task 9:**», begin with a courtesy and end with one. cut: the answer was cut off, so that its last task
    is left out. alone: one task was asked for, so that a text without any number is one.
    """
    marks = _marks(text, first)
    if not marks:
        found = [text] if alone else []
    else:
        head = text[: marks[0].start()]
        ends = [*(mark.start() for mark in marks[1:]), len(text)]
        found = [text[mark.end() : end] for mark, end in zip(marks, ends, strict=True)]
        number = int(marks[0].group(1) or 0)
        if head.strip() and (number == first + 1 or (number == 2 and first > 2)):
            found.insert(0, re.split(r"\n\s*\n", head.strip())[-1])
    return [task for task in map(_task, found[:-1] if cut else found) if task]


def _marks(text: str, first: int) -> list[re.Match[str]]:
    """The beginnings of items: «Task 9:» where there are any, else numbers that count up, else bullets."""
    named = list(TASK.finditer(text))
    if named:
        return named
    numbers = [int(mark.group(1)) for mark in NUMBER.finditer(text)]
    begin = next((place for place, number in enumerate(numbers) if number in (first, first + 1)), 0)
    marks, last = list[re.Match[str]](), None
    for mark in list(NUMBER.finditer(text))[begin:]:
        number = int(mark.group(1))
        if last is None or last < number <= last + 3:  # others belong to a list inside a task
            marks.append(mark)
            last = number
    return marks or list(BULLET.finditer(text))


def _task(text: str) -> str:
    """One task as one line: without its examples, a closing courtesy, markdown, quotes, and with a capital first."""
    field = FIELD.search(text)
    paragraphs = [part for part in re.split(r"\n\s*\n", text[: field.start()] if field else text) if part.strip()]
    if not paragraphs:
        return ""
    kept = paragraphs[:2] if paragraphs[0].rstrip(" *_").endswith(":") else paragraphs[:1]
    task = LABEL.sub("", re.sub(r"\s*-{3,}$", "", one_line(" ".join(kept))).strip("*# ")).strip()
    if len(task) > 1 and QUOTES.get(task[0]) == task[-1]:
        task = task[1:-1].strip()
    return task[:1].upper() + task[1:]


def one_line(text: str) -> str:
    """The text with all white space as single blanks."""
    return " ".join(text.split())
