"""Few-shot generation: the deal of seeds and axes, the prompt, and what is kept of an answer."""

import asyncio
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from technique_kit import Past, Told, answered, lines, record

from synthkit.core import Have, Verdict, chain
from synthkit.core.flow import flow
from synthkit.errors import AnswerError, InputError, PipelineError
from synthkit.techniques import FewShot
from synthkit.techniques.few_shot import MoreExamples, Rotation


def seeds_file(folder: Path, count: int) -> Path:
    return lines(folder / "seeds.jsonl", *(json.dumps({"q": f"Q{n}", "a": n}) for n in range(count)))


def dealt(rotation: Rotation, *rounds: int) -> list[Any]:
    """The records of rounds of these sizes."""
    made: list[Any] = []
    for want in rounds:
        made += rotation.generate(Past(len(made), want))
    return made


@pytest.mark.parametrize(("seeds", "shown"), [(10, 4), (7, 3), (24, 4), (5, 5), (3, 4), (1, 4), (12, 5), (6, 1)])
def test_every_seed_is_shown_equally_often(tmp_path: Path, seeds: int, shown: int) -> None:
    rotation = Rotation(seeds=seeds_file(tmp_path, seeds), shown=shown)
    uses: Counter[str] = Counter()
    for number, fields in enumerate(dealt(rotation, 3 * seeds), 1):
        window = [example["q"] for example in fields["demonstrations"]]
        assert len(set(window)) == len(window) == min(seeds, shown)
        uses.update(window)
        assert max(uses.values()) - min(uses[f"Q{n}"] for n in range(seeds)) <= 2, number
    assert set(uses.values()) == {3 * min(seeds, shown)}


def test_the_deal_is_the_same_in_any_split_into_rounds(tmp_path: Path) -> None:
    rotation = Rotation(seeds=seeds_file(tmp_path, 10), axes={"style": ["plain", "rude"], "size": ["s", "m", "l"]})
    whole = dealt(rotation, 50)
    assert dealt(rotation, 1, 7, 20, 22) == whole
    assert list(rotation.generate(Past(0, 50, seed=2))) != whole


def test_windows_vary_from_turn_to_turn(tmp_path: Path) -> None:
    rotation = Rotation(seeds=seeds_file(tmp_path, 12), shown=4)
    windows = [tuple(example["q"] for example in fields["demonstrations"]) for fields in dealt(rotation, 30)]
    assert len(set(windows)) == 30


def test_all_combinations_of_axes_are_visited_evenly_in_no_order_of_theirs(tmp_path: Path) -> None:
    axes = {"operation": ["add", "list", "delete"], "style": ["plain", "rude"], "difficulty": ["easy", "hard"]}
    rotation = Rotation(seeds=seeds_file(tmp_path, 5), axes=axes)
    visited = [tuple(fields[axis] for axis in axes) for fields in dealt(rotation, 36)]
    for turn in range(3):
        assert len(set(visited[12 * turn : 12 * turn + 12])) == 12
    assert len({tuple(visited[12 * turn : 12 * turn + 12]) for turn in range(3)}) == 3
    assert sum(one[0] == other[0] for one, other in pairwise(visited)) < 30


def test_columns_default_to_those_of_the_first_seed(tmp_path: Path) -> None:
    path = lines(tmp_path / "s.jsonl", '{"_id": "x", "a": 1, "b": "x"}', '{"b": "y", "a": 2, "c": 3}')
    assert dealt(Rotation(seeds=path, shown=2), 1)[0]["demonstrations"] in (
        [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
        [{"a": 2, "b": "y"}, {"a": 1, "b": "x"}],
    )
    assert dealt(Rotation(seeds=path, shown=1, columns=["b"]), 1)[0]["demonstrations"][0].keys() == {"b"}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{"a": 1}', "line 2: there is no 'q' (there are: a)"),
        ("{}", "line 2: there is no 'q' (it is empty)"),
        ("7", "line 2"),
    ],
)
def test_a_bad_seed_is_named_at_check_time(tmp_path: Path, row: str, said: str) -> None:
    path = lines(tmp_path / "bad.jsonl", '{"q": "x", "a": 1}', row)
    with pytest.raises(InputError) as caught:
        Rotation(seeds=path).io(Have())
    assert said in str(caught.value) and "bad.jsonl" in str(caught.value)


def test_an_unknown_column_and_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 1: there is no 'z'"):
        Rotation(seeds=seeds_file(tmp_path, 2), columns=["q", "z"]).io(Have())
    with pytest.raises(InputError, match=r"gone\.jsonl"):
        Rotation(seeds=tmp_path / "gone.jsonl").io(Have())


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ({"style": []}, "axis 'style' has no values"),
        ({"q": ["x"]}, "'q' is a column of the seeds"),
        ({"demonstrations": ["x"]}, "cannot be"),
    ],
)
def test_axes_that_make_no_sense(tmp_path: Path, axes: dict[str, list[str]], said: str) -> None:
    with pytest.raises(PipelineError, match=said):
        Rotation(seeds=seeds_file(tmp_path, 2), axes=axes).io(Have())


@pytest.mark.parametrize("wrong", [{"per_call": 0}, {"per_call": 51}, {"shown": 0}, {"seed": "x"}])
def test_wrong_parameters_are_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(PipelineError):
        FewShot.model_validate({"seeds": seeds_file(tmp_path, 2), "model": "m/x", **wrong})


def test_what_it_expands_into(tmp_path: Path) -> None:
    generator, *rest = chain(FewShot(seeds=seeds_file(tmp_path, 4), model="teacher", axes={"style": ["plain"]}))
    assert [part.name for part in (generator, *rest)] == ["few-shot/rotation", "few-shot/examples"]
    found = flow(rest, Have().after(generator.io(Have())))
    assert not found.problems and found.after.sure == {"q", "a", "style"} and not found.after.maybe


SHOWN = {"demonstrations": [{"q": "Is «Übung» one?", "a": 1}, {"q": "And 2?", "a": 2}], "style": "terse"}


def test_the_prompt_shows_a_json_array_and_the_axis() -> None:
    step = MoreExamples(model="m/x", task="Sums for children.", axes=["style"], per_call=3, options={"temperature": 1})
    told = Told('[{"q": "x", "a": 3}]')
    asyncio.run(step.process(record(**SHOWN), told))  # type: ignore[arg-type]
    text = told.asked[0].messages[0]["content"]
    assert text.startswith("Sums for children.\n")
    assert '[\n  {"q":"Is «Übung» one?","a":1},\n  {"q":"And 2?","a":2}\n]' in text
    assert "- style: terse" in text and "Write 3 new examples" in text and text.endswith("keys: q, a.")
    assert told.asked[0].wishes == {"temperature": 0.9} and told.asked[0].options["temperature"] == 1


def test_without_axes_there_is_no_word_of_them() -> None:
    told = Told('[{"q": "x", "a": 3}]')
    asyncio.run(MoreExamples(model="m/x", task="T").process(record(**SHOWN), told))  # type: ignore[arg-type]
    assert "Each of them has" not in told.asked[0].messages[0]["content"]


def test_a_user_s_template_may_read_columns_and_its_own_words() -> None:
    step = MoreExamples(
        model="m/x", task="T", axes=["style"], template="{{ per_call }} {{ style }} {{ keys[0] }} {{ mood }}"
    )
    have = Have(frozenset({"demonstrations", "style", "mood"}), items={"demonstrations": ("q", "a")})
    assert set(step.io(have).reads) == {"demonstrations", "style", "mood"}
    told = Told('[{"q": "x", "a": 3}]')
    asyncio.run(step.process(record(**SHOWN, mood="odd"), told))  # type: ignore[arg-type]
    assert told.asked[0].messages[0]["content"] == "5 terse q odd"


def test_children_carry_the_columns() -> None:
    step = MoreExamples(model="m/x", task="T")
    assert answered(step, '[{"q": "x", "a": 3}, {"a": 4, "q": "y", "z": 0}]', SHOWN) == [
        {"q": "x", "a": 3},
        {"q": "y", "a": 4},
    ]
    io = step.io(Have(frozenset({"demonstrations"}), items={"demonstrations": ("q", "a")}))
    assert io.writes == ("q", "a") and io.drops == ("demonstrations",) and io.fans_out


def test_an_answer_without_examples_fails() -> None:
    with pytest.raises(AnswerError, match="no complete example") as caught:
        answered(MoreExamples(model="m/x", task="T"), "I have no idea.", SHOWN)
    assert caught.value.reason == "no example"
    refused = answered(MoreExamples(model="m/x", task="T"), "", SHOWN, refusal="I will not.")
    assert refused == Verdict(False, "refused", "I will not.")
