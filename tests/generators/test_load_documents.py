"""LoadDocuments: which files, how they are cut, and that every piece is where it says."""

import json
import shutil
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthkit import Pipeline
from synthkit.core import Have, Round
from synthkit.core.component import build, spec
from synthkit.engine import api
from synthkit.errors import InputError, PipelineError
from synthkit.filters import Rules
from synthkit.generators import LoadDocuments
from synthkit.generators._chunks import Cutter
from synthkit.plugins import load

NAMES = load([], {})


def pieces(component: LoadDocuments, start: int = 0, want: int = 1000) -> list[dict[str, Any]]:
    component.io(Have())
    return [dict(fields) for fields in component.generate(cast(Round, SimpleNamespace(start=start, want=want)))]


def prose(number: int, seed: int = 1) -> str:
    """So many words in sentences and paragraphs, some of them headings."""
    rng, parts, left = Random(seed), [], number
    while left > 0:
        size = min(left, rng.randint(3, 20))
        left -= size
        text = " ".join(f"w{rng.randint(0, 99)}" for _ in range(size))
        parts.append(rng.choice([f"# {text}\n\n", f"{text}. ", f"{text}!\n", f"{text}.\n\n", f"{text}\n- item "]))
    return "".join(parts)


def test_a_folder_gives_its_documents_by_name_and_those_of_its_folders(tmp_path: Path) -> None:
    for name, text in {
        "b.txt": "Second.",
        "a.md": "First.",
        "sub/c.rst": "Third.",
        ".hid/x.txt": "No.",
        "d.py": "No.",
    }.items():
        place = tmp_path / name
        place.parent.mkdir(exist_ok=True)
        place.write_text(text, "utf-8")
    assert pieces(LoadDocuments(tmp_path)) == [
        {"text": "First.", "document": "a.md", "start": 0, "end": 6},
        {"text": "Second.", "document": "b.txt", "start": 0, "end": 7},
        {"text": "Third.", "document": "sub/c.rst", "start": 0, "end": 6},
    ]


def test_records_are_documents_with_their_titles(tmp_path: Path) -> None:
    rows = [{"id": "n1", "body": "One two."}, {"body": "Three."}]
    path = tmp_path / "notes.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    made = pieces(LoadDocuments(path, column="body", title="id"))
    assert [(piece["document"], piece["text"]) for piece in made] == [
        ("n1", "One two."),
        ("notes.jsonl, line 2", "Three."),
    ]


@given(
    st.integers(0, 900),
    st.integers(10, 80).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, (size - 1) // 2))),
    st.integers(0, 5),
)
def test_pieces_cover_all_words_in_order_and_none_is_too_long(words: int, how: tuple[int, int], seed: int) -> None:
    size, overlap = how
    text = prose(words, seed)
    cutter = Cutter(text)
    spans = list(cutter.pieces(size, overlap))
    inside = [[w for w in cutter.words if start <= w[0] and w[1] <= end] for start, end in spans]
    assert list(dict.fromkeys(word for one in inside for word in one)) == cutter.words
    for number, one in enumerate(inside):
        last = number == len(inside) - 1
        assert 0 < len(one) <= size + last * (size // 4)
        if number:
            again = sum(word in inside[number - 1] for word in one)
            assert again <= overlap and len(one) > again


def test_a_piece_ends_behind_a_paragraph_else_a_sentence_else_a_word() -> None:
    ten = " ".join("abcdefghij")

    def cut(text: str, size: int = 14) -> list[str]:
        return [text[start:end] for start, end in Cutter(text).pieces(size, 0)]

    assert cut(f"{ten}. K l.\n\n{ten}. {ten}. {ten}.")[0] == f"{ten}. K l."
    assert cut(f"{ten}. K l m n o p q r s t.")[0] == f"{ten}."
    assert cut(f"{ten} k l m n o p q r s t u v w")[0] == f"{ten} k l m n"
    assert cut(f"{ten}.\n\n# Head\n\n{ten}. {ten}. {ten}.")[0] == f"{ten}.", "a heading goes with what follows"
    assert cut(f"{ten} k l\nm n o p q r s t u v w x y z")[0] == f"{ten} k l\nm n", "a line that is wrapped is no end"


def test_overlap_starts_at_a_sentence_where_one_starts() -> None:
    text = "A b c d e f. G h i. J k l m n o p q r s t u v w x y z."
    spans = list(Cutter(text).pieces(10, 4))
    assert text[slice(*spans[0])] == "A b c d e f. G h i."
    assert text[slice(*spans[1])].startswith("G h i. J k")


def test_scripts_without_spaces_are_counted_in_characters() -> None:
    text = "月亮绕着地球转。" * 20
    spans = list(Cutter(text).pieces(40, 0))
    assert all(text[slice(*span)].endswith("。") for span in spans) and len(spans) > 3


def test_line_ends_and_marks_at_the_beginning_are_one_form(tmp_path: Path) -> None:
    (tmp_path / "w.txt").write_bytes(b"\xef\xbb\xbfOne.\r\nTwo.\rThree.")
    (piece,) = pieces(LoadDocuments(tmp_path / "w.txt"))
    assert piece["text"] == "One.\nTwo.\nThree."


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("e.txt", b"", "e.txt is empty: write something into it"),
        ("e.txt", b" \n\n", "holds no text: there is nothing but white space in it"),
        ("e.txt", b"fine\nbad \xff\n", "e.txt, line 2: the byte 0xff is not UTF-8"),
        ("e.jsonl", b'{"txt": "x"}', "e.jsonl, line 1: the column 'text' is not there; did you mean 'txt'?"),
        ("e.jsonl", b'{"text": 3}', "e.jsonl, line 1: the column 'text' is no text"),
        ("e.jsonl", b"{", "e.jsonl, line 1"),
    ],
)
def test_what_cannot_be_read_is_named_before_the_run(tmp_path: Path, name: str, raw: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(InputError) as caught:
        LoadDocuments(tmp_path / name).io(Have())
    assert said in str(caught.value)


def test_a_path_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder without any document"):
        LoadDocuments(tmp_path).io(Have())
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match=r"does not exist: check the name; did you mean '.*notes\.txt'"):
        LoadDocuments(tmp_path / "note.txt").io(Have())
    with pytest.raises(PipelineError, match="overlap=10 must be less than half of size=20"):
        LoadDocuments(tmp_path / "notes.txt", size=20, overlap=10).io(Have())
    with pytest.raises(PipelineError, match="size"):
        LoadDocuments(tmp_path / "notes.txt", size=3)


def test_rounds_go_on_where_the_last_one_ended(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(prose(300), "utf-8")
    component = LoadDocuments(tmp_path, size=20, overlap=5)
    whole = pieces(component)
    assert len(whole) > 10
    assert [one for start in range(0, len(whole), 4) for one in pieces(component, start, 4)] == whole


def test_it_is_rebuilt_from_its_parameters_with_the_files_it_had(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One.")
    component = LoadDocuments(tmp_path)
    (tmp_path / "b.txt").write_text("Two.")
    again = build(spec(component, NAMES), NAMES)
    assert again == component and [str(path) for path in again.files()] == [str(tmp_path), str(tmp_path / "a.txt")]


def test_a_resumed_run_reads_what_the_run_read(project: Path) -> None:
    folder = project / "docs"
    folder.mkdir()
    (folder / "a.txt").write_text(prose(800), "utf-8")
    whole = [piece for piece in pieces(LoadDocuments("docs", size=20)) if "w77" not in piece["text"]]
    pipeline = Pipeline("docs", target=len(whole)) >> LoadDocuments("docs", size=20) >> Rules(refuses={"text": "w77"})
    first = api.run(pipeline, folder=project / "run", max_rounds=1, shard=4)
    assert first.status == "partial" and 3 < len(first.accepted) < len(whole)
    shutil.rmtree(folder)
    more = api.resume(project / "run", max_rounds=9)
    assert more.status == "complete", more.reason
    assert [dict(record) for record in more.accepted] == whole
