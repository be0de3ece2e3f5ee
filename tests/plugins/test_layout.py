"""Lines that are too long for a screen, and the same program in shorter ones."""

import ast

import pytest

from synthkit.plugins import registry
from synthkit.plugins.describe import describe
from synthkit.plugins.examples import pipeline_file
from synthkit.plugins.layout import WIDEST, laid_out, steps_of

A, B = "a" * 40, "b" * 40


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (f"x = f('{A}', '{B}')", ["x = f(", f"    '{A}',", f"    '{B}',", ")"]),
        (f"x = f([{{'{A}': 1, '{B}': 2}}])", ["x = f([{", f"    '{A}': 1,", f"    '{B}': 2,", "}])"]),
        (f"x = list({A} for {A[:5]} in {B})", ["x = list(", f"    {A} for {A[:5]} in {B}", ")"]),
        (f"x = f('{A}, (', {B})", ["x = f(", f"    '{A}, (',", f"    {B},", ")"]),
        (f"x = '{A} (a, b) {B}'", [f"x = '{A} (a, b) {B}'"]),
        (f"x = f'{A} {{g(1, 2)}} {B}'", [f"x = f'{A} {{g(1, 2)}} {B}'"]),
        (f"x = (lambda {A}, {B}: 1)", [f"x = (lambda {A}, {B}: 1)"]),
        ("x = f(1, 2)", ["x = f(1, 2)"]),
    ],
)
def test_long_lines_are_opened_at_their_brackets(text: str, lines: list[str]) -> None:
    made = laid_out(text)
    assert made.split("\n") == lines and ast.dump(ast.parse(made)) == ast.dump(ast.parse(text))


def test_steps_stand_on_lines_of_their_own() -> None:
    assert steps_of("a('>> b') >> c(1 >> 2) >> d") == ["a('>> b')", ">> c(1 >> 2)", ">> d"]


def test_hardly_an_example_is_wider_than_a_screen() -> None:
    names = registry()
    found = [describe(claim, names) for claim in names.claims() if claim.kind not in ("provider", "format")]
    lines = [row for one in found for row in pipeline_file(one, names).split("\n")]
    assert len(lines) > 300
    assert all(len(row) <= WIDEST for row in lines if "Rows(" in row), "records are never torn"
