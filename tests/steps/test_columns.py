"""Keep, Drop, Rename, Template, Expand, Flatten and Gather: what they make, what they promise, what they refuse."""

from pathlib import Path
from typing import Any

import pytest
from steps_kit import accepted, processed, reasons, refused, run, same_bytes

import synthkit as sk
from synthkit.core import IO, Have
from synthkit.core.component import Component
from synthkit.errors import ColumnError, PipelineError
from synthkit.steps import Drop, Expand, Flatten, Gather, Keep, Map, Rename, Template

HAVE = Have(frozenset({"a", "b", "list"}), frozenset({"some"}), {"list": ("q", "n")})
ROWS: list[dict[str, Any]] = [{"a": 1, "b": "x", "list": []}, {"a": 2, "b": "y", "list": [1], "some": "z"}]


@pytest.mark.parametrize(
    ("step", "io"),
    [
        (Keep("b"), IO.of("b", drops=["a", "list", "some"])),
        (Keep("b", "some"), IO.of("b", drops=["a", "list"], optional="some")),
        (Drop("b", "some"), IO.of("b", drops=["b", "some"], optional="some")),
        (Rename({"a": "c"}), IO.of("a", "c", "a")),
        (Rename({"a": "b", "b": "a"}), IO.of(["a", "b"], ["b", "a"])),
        (
            Rename({"some": "c", "list": "d"}),
            IO.of("list", "d", ["some", "list"], "c", "some", items={"d": ("q", "n")}),
        ),
        (Template({"t": "{{ a }}", "u": "{{ some | default('') }}"}), IO.of("a", ["t", "u"], optional="some")),
        (Expand("list"), IO.of({"list": list}, "list", fans_out=True)),
        (Expand("list", into="one"), IO.of({"list": list}, "one", "list", fans_out=True)),
        (Expand("list", into=["q", "n"]), IO.of({"list": list}, ["q", "n"], "list", fans_out=True)),
        (Expand("list", into={"q": "list"}), IO.of({"list": list}, "list", fans_out=True)),
        (Flatten("b", ["x", "y"]), IO.of({"b": dict}, ["x", "y"], "b")),
        (Flatten("b", "b"), IO.of({"b": dict}, "b")),
        (Gather("a", "some", "b", into="all"), IO.of(["a", "b"], "all", optional="some")),
    ],
)
def test_what_they_do_to_columns_is_known_before_the_run(step: Component, io: IO) -> None:
    assert step.io(HAVE) == io


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Keep(columns=()), "it names no column to keep"),
        (Keep("lst"), "column 'lst', which nothing before it writes; did you mean 'list'?"),
        (Keep("a", "a"), "the column 'a' is named twice to keep: names must differ"),
        (Drop("c"), "column 'c', which nothing before it writes; there are: a, b, list"),
        (Rename({}), "it names no column to rename"),
        (Rename({"c": "d"}), "column 'c', which nothing before it writes"),
        (Rename({"a": "b"}), "'a' cannot become 'b', which is there already: drop or rename that one"),
        (Rename({"a": "some"}), "'a' cannot become 'some', which is there already"),
        (Rename({"a": "c", "b": "c"}), "the column 'c' is named twice as a new one: names must differ"),
        (Rename({"a": "_id"}), "'_id' cannot be a column's name: choose another"),
        (Template({"t": "{{ c }}"}), "column 'c', which nothing before it writes"),
        (Template({"t": "{{ some }}"}), "column 'some', which only some records have there"),
        (Template({"t": "{{ a"}), "of 't': template, line 1: unexpected end of template"),
        (Expand("c", into="d"), "column 'c', which nothing before it writes"),
        (Expand("some"), "column 'some', which only some records have there"),
        (Expand("list", into=[]), "it names no column to make"),
        (Expand("list", into=["q", "m"]), "the entries of 'list' do not surely have 'm'; there are: n, q"),
        (Flatten("c", ["x"]), "column 'c', which nothing before it writes"),
        (Flatten("b", {"x": "y", "z": "y"}), "the column 'y' is named twice to make"),
        (Gather(columns=(), into="x"), "it names no column to gather"),
        (Gather("a", into=""), "'' cannot be a column's name"),
    ],
)
def test_what_makes_no_sense_is_refused_before_the_run(step: Component, said: str) -> None:
    assert refused(HAVE, step).startswith(said)


def test_a_template_needs_a_column_and_a_template() -> None:
    for given in ({}, {"into": "t"}, {"template": "x"}, {"templates": {"t": "x"}, "into": "t", "template": "x"}):
        with pytest.raises(PipelineError, match=r"Template takes `into` and `template`, or a mapping of both"):
            Template(**given)  # type: ignore[arg-type]
    assert Template(into="t", template="x") == Template({"t": "x"})


def test_keep_and_drop(project: Path) -> None:
    assert accepted(run(ROWS, Keep("b", "some"))) == [{"b": "x"}, {"b": "y", "some": "z"}]
    assert accepted(run(ROWS, Drop("list", "some"))) == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    result = run(ROWS, Keep("b"), Drop("b"))
    assert [record.id for record in result.accepted] == [record.id for record in run(ROWS).accepted]


def test_rename(project: Path) -> None:
    swapped = accepted(run(ROWS, Rename({"a": "b", "b": "a", "some": "more"})))
    assert swapped == [{"b": 1, "a": "x", "list": []}, {"b": 2, "a": "y", "list": [1], "more": "z"}]
    inside = sk.Fork({"x": Rename({"a": "c"})}, into="ways")
    assert accepted(run(ROWS, inside))[0]["ways"] == [{"way": "x", "c": 1}]


def test_templates_see_the_record_as_it_was_and_run_in_a_sandbox(project: Path) -> None:
    step = Template({"a": "{{ b }}!", "t": "{{ a }}{{ ' ' ~ some if some is defined }}"})
    assert [(row["a"], row["t"]) for row in accepted(run(ROWS, step))] == [("x!", "1"), ("y!", "2 z")]
    assert accepted(run(ROWS, Template(into="b", template="{{ b }}{{ b }}")))[1]["b"] == "yy"
    hostile = run(
        [{"b": "{{ 7 * 7 }}", "n": 0}, {"b": "x", "n": 1}],
        Template(into="t", template="{{ b }}{{ 1 // n }}{{ b.__class__.__mro__ }}"),
    )
    assert len(reasons(hostile, "failed")) == 2
    assert "unsafe" in reasons(hostile, "failed")[1][1]
    plain = run([{"b": "{{ 7 * 7 }}"}], Template(into="t", template="<{{ b }}>"))
    assert accepted(plain)[0]["t"] == "<{{ 7 * 7 }}>"


def test_expand_makes_a_record_of_every_entry(project: Path) -> None:
    rows = [{"t": "a", "qs": ["x", None, {"y": 1}]}, {"t": "b", "qs": []}, {"t": "c", "qs": "xy"}]
    result = same_bytes(rows, Expand("qs", into="q"))
    assert [dict(r) for r in result.accepted] == [{"t": "a", "q": q} for q in ("x", None, {"y": 1})]
    assert {record.source for record in result.accepted} == {run(rows).accepted[0].id}
    assert reasons(result) == [("nothing made", "")]
    assert reasons(result, "failed") == [("column", "column 'qs' is str, and expand needs list")]
    assert (result.tally["expand"].made, result.tally["expand"].out) == (2, 3)


def test_expand_takes_columns_of_mappings(project: Path) -> None:
    rows = [
        {"t": "a", "ps": [{"q": 1, "a": 2, "z": 3}, {"q": 4, "a": 5}]},
        {"t": "b", "ps": [{"q": 6, "a": 7}, {"q": 8}]},
    ]
    result = run(rows, Expand("ps", into={"q": "question", "a": "t"}))
    assert [dict(r) for r in result.accepted] == [{"t": 2, "question": 1}, {"t": 5, "question": 4}]
    assert reasons(result, "failed") == [("column", "ps[1] has no 'a'; there are: q")]
    with pytest.raises(ColumnError, match=r"ps\[0\] is no mapping"):
        processed(Expand("ps", into=["q"]), ps=[["q"]])
    assert processed(Expand("ps"), ps=[1, [2]]) == [{"ps": 1}, {"ps": [2]}]


def test_what_a_composite_collected_can_be_expanded(project: Path) -> None:
    ways = sk.Fork({"up": Map(str.upper, "t", into="text"), "same": Map(str.strip, "t", into="text")}, into="ways")
    result = run([{"t": "a"}, {"t": "b"}], ways, Expand("ways", into=["way", "text"]))
    assert [(row["way"], row["text"]) for row in accepted(result)] == [
        ("up", "A"),
        ("same", "a"),
        ("up", "B"),
        ("same", "b"),
    ]


def test_flatten_takes_columns_out_of_a_mapping(project: Path) -> None:
    rows = [{"m": {"a": 1, "b": [2]}}, {"m": {"a": 1}}, {"m": 3}]
    result = run(rows, Flatten("m", {"a": "m", "b": "b"}))
    assert [dict(r) for r in result.accepted] == [{"m": 1, "b": [2]}]
    assert [message for _, message in reasons(result, "failed")] == [
        "column 'm' has no 'b'; there are: a",
        "column 'm' is int, and flatten needs dict",
    ]


def test_gather_makes_a_list(project: Path) -> None:
    found = accepted(run(ROWS, Gather("b", "some", "a", into="all")))
    assert [row["all"] for row in found] == [["x", 1], ["y", "z", 2]]
    assert accepted(run(ROWS, Gather("a", "b", into="b")))[0]["b"] == [1, "x"]
