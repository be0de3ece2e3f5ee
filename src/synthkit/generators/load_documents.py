"""LoadDocuments: texts in pieces of so many words, each with the place it is from."""

from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import Field

from synthkit.core import IO, Fields, Generator, Have, Round
from synthkit.core.columns import hint
from synthkit.core.files import SUFFIXES, kind_of, read_rows, unit
from synthkit.core.source import bad_line, open_file
from synthkit.errors import InputError, PipelineError
from synthkit.generators._chunks import Cutter

TEXTS = (".txt", ".md", ".markdown", ".rst", ".text")
"""The suffixes of files that a folder is searched for."""


class LoadDocuments(Generator):
    """Pieces of documents: `LoadDocuments("handbook/", size=200, overlap=40)`; writes `text` and where it is from.

    path: a text file; a folder, of which all .txt, .md, .markdown, .rst and .text files are taken, those of its folders
    too, by name; or a file of records (JSON lines, JSON, CSV, Parquet), each of which is a document. A relative path is
    relative to the working folder. size: the most words of a piece; it ends behind a whole paragraph where that leaves
    it at least half full, else behind a sentence, else behind a word. A rest of less than a quarter of it joins the
    last piece. overlap: how many words of the piece before a piece repeats at most, from the start of a sentence where
    there is one among them; less than half of `size`. column: where a record has its text. title: where a record has
    its name, if it has one. documents: the files of `path` by name, found when the component is made.

    Writes `text`, `document` (the file's path within the folder; of a record its title, or else «notes.jsonl, line 3»),
    and `start` and `end`: `text` is what stands between these two characters of the document, line ends being \\n.
    In scripts that put no spaces between words, Chinese or Thai, characters count as words. Files are UTF-8. What
    cannot be read is an `InputError` that names file and line, before anything is asked.

    Example:
        Path("example-notes.txt").write_text("Ice is lighter than water. So it floats.\\n\\nIron is heavier. It sinks.")
        Pipeline("example") >> LoadDocuments("example-notes.txt", size=10)
    """

    path: Path
    size: int = Field(200, ge=10)
    overlap: int = Field(0, ge=0)
    column: str = "text"
    title: str | None = None
    documents: dict[str, Path] = {}

    def __init__(self, path: Path | str, **parameters: Any) -> None:
        if "documents" not in parameters:
            parameters["documents"] = _files(Path(path))
        super().__init__(path=path, **parameters)

    def io(self, have: Have) -> IO:
        if 2 * self.overlap >= self.size:
            raise PipelineError(f"overlap={self.overlap} must be less than half of size={self.size}")
        if not self.documents:
            kinds = ", ".join(TEXTS)
            raise InputError(f"{self.path} is a folder without any document ({kinds}): name another, or a file")
        if not sum(bool(text.strip()) for _, text in self._texts()):
            raise InputError(f"{self.path} holds no text: there is nothing but white space in it")
        return IO.of(writes=("text", "document", "start", "end"))

    def generate(self, round: Round) -> Iterator[Fields]:
        return islice(self._pieces(), round.start, round.start + round.want)

    def _pieces(self) -> Iterator[Fields]:
        for name, text in self._texts():
            for start, end in Cutter(text).pieces(self.size, self.overlap):
                yield {"text": text[start:end], "document": name, "start": start, "end": end}

    def _texts(self) -> Iterator[tuple[str, str]]:
        """The documents with their names."""
        for name, path in self.documents.items():
            if path.suffix.lower() in SUFFIXES:
                yield from self._records(name, path)
            else:
                yield name, _text(path)

    def _records(self, name: str, path: Path) -> Iterator[tuple[str, str]]:
        where = unit(kind_of(path))
        with closing(read_rows(path)) as rows:
            for place, row in rows:
                text = row.get(self.column)
                if isinstance(text, str):
                    title = row.get(self.title) if self.title else None
                    yield (f"{name}, {where} {place}" if title is None else str(title)), text
                else:
                    lacks = "is no text" if self.column in row else f"is not there{hint(self.column, row)}"
                    bad_line(path, InputError(f"{path}, {where} {place}: the column {self.column!r} {lacks}"))


def _files(path: Path) -> Mapping[str, Path]:
    """The files of a path by the names of their documents."""
    if not path.is_dir():
        return {path.name: path}
    found = (file for file in path.rglob("*") if file.suffix.lower() in TEXTS and file.is_file())
    named = {file.relative_to(path).as_posix(): file for file in found}
    return {name: named[name] for name in sorted(named) if not any(p.startswith(".") for p in name.split("/"))}


def _text(path: Path) -> str:
    """The text of a file. Raises `InputError` naming the line that is no UTF-8."""
    if path.is_file() and not path.stat().st_size:
        raise InputError(f"{path} is empty: write something into it, or take it out of the folder")
    with open_file(path) as file:
        raw = file.read().removeprefix(BOM_UTF8)
    try:
        return raw.decode().replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problem = f"the byte {raw[error.start]:#04x} is not UTF-8: save the file as UTF-8"
        raise InputError(f"{path}, line {line}: {problem}") from error
