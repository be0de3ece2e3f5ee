"""The fenced blocks of the documentation, and running them as a reader would."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent

FENCE = re.compile(r"^( *)```(\w*) *(.*)$")
NOTE = re.compile(r"^\s*<!-- (not run|run as|exit): (.+?) -->\s*$")
TITLE = re.compile(r'title="([^"]+)"')
KEYS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "ROUTER_KEY")
"""Variables with keys that pages name."""
RUNS = ("python", "console")
SHOWN = ("toml", "json", "text")
"""Languages that blocks may have: those that run, and those that are only looked at."""


@dataclass(frozen=True)
class Block:
    """A fenced block. title: the file that it is, or `output`: what the block before it prints. notes: what the HTML
    comment in front of it says: «not run», with the reason; «run as», with the command that its make target runs; or
    «exit», with the code of its last command."""

    page: str
    line: int
    language: str
    title: str
    text: str
    notes: Mapping[str, str]

    @property
    def where(self) -> str:
        return f"{self.page}, line {self.line}"

    @property
    def runs(self) -> bool:
        return "not run" not in self.notes


@dataclass(frozen=True)
class Command:
    """A line of a console block with the output shown beneath it."""

    line: str
    output: list[str]


def blocks(page: str) -> list[Block]:
    """The blocks of a page. Raises when a fence is not closed."""
    return list(_blocks(page, (ROOT / page).read_text("utf-8").splitlines()))


def _blocks(page: str, lines: list[str]) -> Iterator[Block]:
    notes: dict[str, str] = {}
    rest = iter(enumerate(lines, 1))
    for number, line in rest:
        fence = FENCE.match(line)
        if fence is None:
            note = NOTE.match(line)
            notes = {note[1]: note[2]} if note else notes if not line.strip() else {}
            continue
        indent, language, info = fence.groups()
        body: list[str] = []
        for _, inner in rest:
            if inner.strip() == "```":
                break
            body.append(inner.removeprefix(indent))
        else:
            raise AssertionError(f"{page}, line {number}: this block is not closed")
        title = TITLE.search(info)
        yield Block(page, number, language, title[1] if title else "", "\n".join(body) + "\n", notes)
        notes = {}


def commands(block: Block) -> list[Command]:
    """The commands of a console block: lines behind `$ `, gone on with behind a backslash."""
    found: list[Command] = []
    lines = iter(block.text.rstrip("\n").split("\n"))
    for line in lines:
        if not line.startswith("$ "):
            assert found, f"{block.where}: a console block starts with `$ `"
            found[-1].output.append(line)
            continue
        text = line[2:]
        while text.endswith("\\"):
            text = text[:-1].rstrip() + " " + next(lines).strip()
        found.append(Command(text, []))
    return found


class Reader:
    """Somebody who follows a page: with an empty project, the files that the page names, and the commands it shows."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        keep = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("ANTHROPIC", "OPENAI", "SYNTHKIT", "PYTEST", "COV"))
        }
        self.environment = {
            **keep,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "COLUMNS": "120",
            **(environment or {}),
        }
        self.printed = ""
        self._scripts: subprocess.Popen[str] | None = None

    def follow(self, block: Block) -> None:
        """Does what a block says, and checks what it shows."""
        if block.title == "output":
            same_output(block.text.rstrip("\n").split("\n"), self.printed, block.where)
        elif not block.runs:
            self.look_at(block)
        elif block.language == "console":
            self.type_in(block)
        elif block.title and (ROOT / block.title).is_file():
            excerpt(block)
        elif block.title:
            self.save(block)
        elif block.language == "python":
            self.script(block)
        elif block.language == "toml":
            parsed = tomllib.loads(block.text)
            assert "models" not in parsed and "prices" not in parsed, f"{block.where}: title it synthkit.toml"
        elif block.language == "json":
            assert all(json.loads(line) is not None for line in block.text.splitlines())

    def save(self, block: Block) -> None:
        """Writes the file that a block is; TOML and JSON must parse, a pipeline file must pass the check."""
        place = self.folder / block.title
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(block.text, "utf-8")
        if block.language == "json":
            assert all(json.loads(line) is not None for line in block.text.splitlines())
        if block.language == "toml":
            tomllib.loads(block.text)
            if place.name == "synthkit.toml":
                from synthkit.models.settings import read_settings

                read_settings(place)
        if block.language == "python" and "def pipeline(" in block.text:
            self.run(f"synthkit check {shlex.quote(block.title)}", int(block.notes.get("exit", 0)), block.where)

    def type_in(self, block: Block) -> None:
        """Runs the commands of a block one after the other."""
        typed = commands(block)
        for number, command in enumerate(typed, 1):
            code = int(block.notes.get("exit", 0)) if number == len(typed) else 0
            self.run(self.meant(command.line, block), code, block.where)
            if command.output:
                same_output(command.output, self.printed, block.where)

    def script(self, block: Block) -> None:
        """Runs a script; it must not fail."""
        name = f"block_{block.line}.py"
        (self.folder / name).write_text(block.text, "utf-8")
        if self._scripts is None:
            command = [sys.executable, str(Path(__file__).with_name("scripts.py"))]
            self._scripts = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdin=PIPE, stdout=PIPE, text=True
            )
        assert self._scripts.stdin is not None and self._scripts.stdout is not None
        self._scripts.stdin.write(f"{name}\n")
        self._scripts.stdin.flush()
        said = json.loads(self._scripts.stdout.readline())
        assert not said["error"], f"{block.where}: {said['error']}"
        assert "Warning" not in said["said"], f"{block.where}: {said['said']}"
        self.printed = said["printed"]

    def leave(self) -> None:
        """Ends what runs."""
        if self._scripts is not None:
            self._scripts.communicate(timeout=60)

    def meant(self, line: str, block: Block) -> str:
        """The command itself, or what the make target that it names runs."""
        meant = block.notes.get("run as", line)
        if meant != line:
            self.make(line, block.where)
            assert meant in self.printed, f"{block.where}: `{line}` does not run `{meant}`:\n{self.printed}"
        return meant

    def make(self, line: str, where: str) -> None:
        """Says what a make command would do."""
        words = shlex.split(line)
        assert words[0] == "make", f"{where}: {line}"
        self.run(f"MAKEFLAGS= make --dry-run --directory {shlex.quote(str(ROOT))} {shlex.join(words[1:])}", 0, where)

    def run(self, line: str, code: int, where: str) -> None:
        """Runs a shell line; it must end with this code. What it prints is its output, or without any its errors."""
        done = subprocess.run(
            ["sh", "-c", line], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=60
        )
        said = f"{where}: `{line}` ended with {done.returncode}, not {code}, or warned\n{done.stdout}\n{done.stderr}"
        assert done.returncode == code and "Warning" not in done.stderr, said
        self.printed = done.stdout or done.stderr

    def look_at(self, block: Block) -> None:
        """Checks what can be known of a block that is not run: that its options and make targets exist."""
        for command in commands(block) if block.language == "console" else ():
            words = shlex.split(command.line)
            if words[0] == "synthkit":
                self._options(words, block.where)
            elif words[0] == "make":
                self.make(command.line, block.where)

    def _options(self, words: list[str], where: str) -> None:
        """`synthkit run FILE --option …` is checked as a whole, as if there were a key; of others the options."""
        before = self.environment
        self.environment = {**before, **dict.fromkeys(KEYS, "sk-0123456789abcdef")}
        try:
            if words[1] == "run":
                self.run(shlex.join(["synthkit", "check", *words[2:]]), 0, where)
            else:
                file = [word for word in words[2:3] if word.endswith(".py")]  # a pipeline has options of its own
                self.run(shlex.join(["synthkit", words[1], *file, "--help"]), 0, where)
                for word in words[2:]:
                    if word.startswith("--"):
                        assert word.partition("=")[0] in self.printed, f"{where}: {words[1]} has no option {word}"
        finally:
            self.environment = before


def excerpt(block: Block) -> None:
    """A block that is titled with a file of the project must be a piece of it."""
    whole = (ROOT / block.title).read_text("utf-8")
    assert block.text.rstrip("\n") in whole, f"{block.where}: this is not, or no longer, in {block.title}"


def same_output(shown: list[str], printed: str, where: str) -> None:
    """What is shown must have been printed: the whole of it, where `…` is any text, and on a line alone any lines. How
    many spaces stand between two words is not compared."""
    pattern = ""
    for line in shown:
        pieces = (re.escape(piece) for piece in _spaced(line).split("…"))
        pattern += r"(?:.*\n)*" if line.strip() == "…" else ".*".join(pieces) + r"\n"
    text = "".join(f"{_spaced(line)}\n" for line in printed.rstrip("\n").split("\n"))
    wanted = "\n".join(shown)
    assert re.fullmatch(pattern, text), f"{where} shows\n\n{wanted}\n\nand this was printed:\n\n{printed}"


def _spaced(line: str) -> str:
    return " ".join(line.split())
