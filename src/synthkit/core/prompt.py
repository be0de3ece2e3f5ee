"""Prompt: the step that most authors write. A template in, an answer's columns out."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel

from synthkit.core.answer import Answer, Message
from synthkit.core.columns import IO, Have
from synthkit.core.component import ModelName
from synthkit.core.context import Context
from synthkit.core.flow import columns_of
from synthkit.core.interfaces import Step
from synthkit.core.record import Fields, Record
from synthkit.core.verdict import Verdict, drop
from synthkit.errors import ColumnError, PipelineError

if TYPE_CHECKING:
    import jinja2


class Prompt(Step):
    """Asks a model about a record.

    template: a Jinja template over the record's columns, run in a sandbox; a column that is not there is an error,
    so write `{{ hint | default("") }}` for one that may be missing. system: another one, for the system prompt.
    Out: a pydantic model; its fields become columns. Without it the text of the answer goes into the column `into`.
    options: sampling options that must hold; wishes: those that a technique likes, dropped where the model refuses.
    share: records that ask exactly the same get one answer. repairs: how often an answer that does not fit `Out` is
    asked again with the error.
    """

    model: ModelName
    template: str
    system: str | None = None
    into: str = "text"
    options: dict[str, Any] = {}
    share: bool = False
    repairs: int = 2

    Out: ClassVar[type[BaseModel] | None] = None
    wishes: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, *model: str, **parameters: Any) -> None:
        super().__init__(**({"model": model[0]} if model else {}), **parameters)

    def io(self, have: Have) -> IO:
        reads, optional = dict[str, type](), list[str]()
        for text in (self.system, self.template):
            needed, extra = variables(text or "", self.name)
            reads.update(dict.fromkeys(needed, object))
            optional += extra
        return IO.of(reads, self.written(), optional=[name for name in optional if name not in reads])

    def written(self) -> Sequence[str]:
        """The columns that an answer becomes."""
        return columns_of(self.Out) if self.Out else (self.into,)

    def messages(self, record: Record) -> list[Message]:
        """The conversation for a record."""
        messages: list[Message] = []
        if self.system is not None:
            messages.append({"role": "system", "content": render(self.system, record)})
        return [*messages, {"role": "user", "content": render(self.template, record)}]

    def read(self, answer: Answer, record: Record) -> Fields | Sequence[Fields] | Verdict:
        """What an answer becomes; override to make several records of one, or to drop it."""
        if self.Out is not None:
            data: BaseModel = answer.data
            plain = data.model_dump(mode="json")  # enum members, dates and the like as JSON says them
            return {name: plain[name] if name in plain else getattr(data, name) for name in columns_of(self.Out)}
        return {self.into: answer.text} if answer.text.strip() else drop("empty answer")

    async def process(self, record: Record, ctx: Context) -> Fields | Sequence[Fields] | Verdict:
        answer = await ctx.ask(
            self.model,
            self.messages(record),
            answer=self.Out,
            share=self.share,
            repairs=self.repairs,
            wishes=self.wishes,
            **self.options,
        )
        if answer.refusal:
            return drop("refused", answer.refusal)
        return self.read(answer, record)


@lru_cache(1)
def _environment() -> "jinja2.Environment":
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, autoescape=False)


@lru_cache(1024)
def _template(text: str) -> "jinja2.Template":
    return _environment().from_string(text)


def render(template: str, values: Mapping[str, Any]) -> str:
    """Fills a template in the sandbox. Raises `ColumnError` for a column that is not there."""
    import jinja2

    try:
        return _template(template).render(values)
    except jinja2.UndefinedError as error:
        raise ColumnError(f"the template reads what is not there: {error.message}") from error
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise ColumnError(f"the template failed: {error}") from error


@lru_cache(1024)
def variables(template: str, where: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns that a template needs, and those it can do without (`x | default("")`, `x is defined`).

    Raises `PipelineError` naming the line where the template is no template.
    """
    import jinja2
    from jinja2 import meta, nodes

    try:
        tree = _environment().parse(template)
        _template(template)  # what only compiling finds, such as a filter that there is not
    except jinja2.TemplateSyntaxError as error:
        raise PipelineError(f"template, line {error.lineno}: {error.message}") from error
    optional = {
        node.node.name
        for node in tree.find_all((nodes.Filter, nodes.Test))
        if node.name in ("default", "d", "defined", "undefined") and isinstance(node.node, nodes.Name)
    }
    found = meta.find_undeclared_variables(tree)
    return tuple(sorted(found - optional)), tuple(sorted(found & optional))
