"""Template: columns of text made of other columns."""

from collections.abc import Mapping
from typing import Any

from synthkit.core import IO, Context, Fields, Have, Record, Step, render
from synthkit.core.prompt import variables
from synthkit.errors import PipelineError
from synthkit.steps._columns import named


class Template(Step):
    """Fills templates with the record's columns: `Template(into="text", template="{{ question }}\\n{{ answer }}")`.

    Templates are Jinja's, run in a sandbox, as those of `Prompt`. A column that is not there is an error, found before
    the run; say `{{ hint | default("") }}` for one that only some records have. A template that cannot be filled fails
    its record.

    templates: for several columns at once, their templates by name, instead of `into` and `template`:
    `Template({"prompt": "Q: {{ question }}", "completion": "{{ answer }}"})`. Each sees the record as it was before.

    Example:
        (
            Pipeline("example")
            >> Rows([{"q": "1 + 1?", "a": 2}])
            >> Template(into="text", template="{{ q }} {{ a }}")
        )
    """

    templates: dict[str, str]

    def __init__(
        self, templates: Mapping[str, str] | None = None, *, into: str | None = None, template: str | None = None,
        **parameters: Any,
    ) -> None:  # fmt: skip
        if (into is None) != (template is None) or (templates is None) == (into is None):
            raise PipelineError(
                "Template takes `into` and `template`, or a mapping of both: "
                "Template(into='text', template='{{ question }}')"
            )
        super().__init__(templates={into: template} if templates is None else templates, **parameters)

    def io(self, have: Have) -> IO:
        named(self.templates, "to write")
        reads, optional = dict[str, type](), list[str]()
        for column, template in self.templates.items():
            try:
                needed, extra = variables(template, self.name)
            except PipelineError as error:
                raise PipelineError(*(f"of {column!r}: {problem}" for problem in error.problems)) from error
            reads.update(dict.fromkeys(needed, object))
            optional += extra
        return IO.of(reads, self.templates, optional=[name for name in optional if name not in reads])

    async def process(self, record: Record, ctx: Context) -> Fields:
        return {column: render(template, record) for column, template in self.templates.items()}
