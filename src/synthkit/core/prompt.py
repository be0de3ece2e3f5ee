"""Prompt: the step that most authors write. A template in, an answer's columns out."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel

from synthkit.core.answer import Answer, Message, OnLength, Schema, Tool, called, image
from synthkit.core.columns import IO, Have
from synthkit.core.component import ModelName
from synthkit.core.context import Context
from synthkit.core.flow import columns_of
from synthkit.core.interfaces import Step
from synthkit.core.record import Fields, Record
from synthkit.core.verdict import Verdict, drop
from synthkit.errors import ColumnError, PipelineError, RecordError

if TYPE_CHECKING:
    import jinja2


class Prompt(Step):
    """Asks a model about a record.

    It is used as it is, or as the base of a class of one's own, which sets its template, and what its answer holds.

    model: who is asked. template: a Jinja template over the record's columns, run in a sandbox; a column that is not
    there is an error, so write `{{ hint | default("") }}` for one that may be missing. system: another one, for the
    system prompt. Out: a pydantic model, or a JSON schema of an object; its fields become columns. Without it the text
    of the answer goes into the column `into`. into: the column for the text of the answer. options: sampling options
    that must hold; wishes: those that a technique likes, dropped where the model refuses. share: records that ask
    exactly the same get one answer. repairs: how often an answer that does not fit `Out`, or calls a tool wrongly, is
    asked again with the error. on_length: whether an answer that was cut off at `max_tokens` fails its record, is kept
    as it is, or is asked again with more room. images: columns with addresses or paths of images (one, or a list) that
    are shown behind the text. tools: a column with definitions of tools; `Tools` is the place for those that are the
    same for all records. Where there are tools, the calls go into the column `tool_calls`, as a message holds them, and
    the text beside them may be empty. Tools: definitions of tools.

    Example:
        (
            Pipeline("example")
            >> Rows([{"city": "Rome"}, {"city": "Oslo"}])
            >> Prompt("demo/default", template="Describe {{ city }} in one sentence.")
        )
    """

    model: ModelName
    template: str
    system: str | None = None
    into: str = "text"
    options: dict[str, Any] = {}
    share: bool = False
    repairs: int = 2
    on_length: OnLength = "fail"
    images: list[str] = []
    tools: str | None = None

    Out: ClassVar[Schema | None] = None
    Tools: ClassVar[Sequence[Tool]] = ()
    wishes: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, *model: str, **parameters: Any) -> None:
        super().__init__(**({"model": model[0]} if model else {}), **parameters)

    def io(self, have: Have) -> IO:
        if not self.template.strip() and type(self).messages is Prompt.messages:
            raise PipelineError("its template is empty: there would be nothing to answer")
        if self.Out is not None and (self.tools or self.Tools):
            raise PipelineError("it has both Out and tools: an answer is either columns or calls, so take two prompts")
        reads, optional = dict[str, type](), list[str]()
        for text in (self.system, self.template):
            needed, extra = variables(text or "", self.name)
            reads.update(dict.fromkeys(needed, object))
            optional += extra
        reads.update(dict.fromkeys(self.images, object))
        if self.tools:
            reads[self.tools] = list
        return IO.of(reads, self.written(), optional=[name for name in optional if name not in reads])

    def needs(self) -> frozenset[str]:
        more = {"images": bool(self.images), "tools": bool(self.tools or self.Tools)}
        return super().needs() | {name for name, needed in more.items() if needed}

    def schemas(self) -> Sequence[Schema]:
        return () if self.Out is None else (self.Out,)

    def written(self) -> Sequence[str]:
        """The columns that an answer becomes."""
        columns = (self.into,) if self.Out is None else columns_of(self.Out)
        return (*columns, "tool_calls") if self.tools or self.Tools else columns

    def messages(self, record: Record) -> list[Message]:
        """The conversation for a record."""
        messages: list[Message] = []
        if self.system is not None:
            messages.append({"role": "system", "content": render(self.system, record)})
        text = render(self.template, record)
        if not text.strip():
            raise RecordError(f"the template of {self.name} makes an empty prompt", reason="empty prompt")
        if not self.images:
            return [*messages, {"role": "user", "content": text}]
        shown = [image(source) for column in self.images for source in _sources(record, column)]
        return [*messages, {"role": "user", "content": [{"type": "text", "text": text}, *shown]}]

    def read(self, answer: Answer, record: Record) -> Fields | Sequence[Fields] | Verdict:
        """What an answer becomes; override to make several records of one, or to drop it."""
        if isinstance(self.Out, Mapping):
            return {name: answer.data.get(name) for name in columns_of(self.Out)}
        if self.Out is not None:
            data: BaseModel = answer.data
            plain = data.model_dump(mode="json")  # enum members, dates and the like as JSON says them
            return {name: plain[name] if name in plain else getattr(data, name) for name in columns_of(self.Out)}
        if self.tools or self.Tools:
            said = {self.into: answer.text, "tool_calls": called(answer.tool_calls)}
            return said if answer.text.strip() or answer.tool_calls else drop("empty answer")
        return {self.into: answer.text} if answer.text.strip() else drop("empty answer")

    async def process(self, record: Record, ctx: Context) -> Fields | Sequence[Fields] | Verdict:
        answer = await ctx.ask(
            self.model,
            self.messages(record),
            answer=self.Out,
            share=self.share,
            repairs=self.repairs,
            wishes=self.wishes,
            tools=[*self.Tools, *((record[self.tools] or ()) if self.tools else ())],
            on_length=self.on_length,
            **self.options,
        )
        if answer.refusal:
            return drop("refused", answer.refusal)
        return self.read(answer, record)


def _sources(record: Record, column: str) -> Sequence[str]:
    """The images of a column: one, several, or none."""
    value = record[column]
    sources = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(sources, list | tuple) or not all(isinstance(source, str) and source for source in sources):
        raise ColumnError(f"column {column!r} holds no images: give an address or a path, or a list of them")
    return list(sources)


@lru_cache(1)
def _environment() -> "jinja2.Environment":
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, autoescape=False)


@lru_cache(1024)
def _template(text: str) -> "jinja2.Template":
    made = _environment().from_string(text)
    made.globals = dict(made.globals)  # a chain of mappings otherwise, copied for each text that is made
    return made


def render(template: str, values: Mapping[str, Any]) -> str:
    """Fills a template in the sandbox. Raises `ColumnError` for a column that is not there."""
    import jinja2

    try:
        return _template(template).render(values.fields if isinstance(values, Record) else values)
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
