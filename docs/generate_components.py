"""The gallery, and a page of the reference for each kind of what is registered."""

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from synthkit.plugins import Registry, load
from synthkit.plugins.columns import columns
from synthkit.plugins.describe import Description, describe
from synthkit.plugins.docstrings import is_code, points
from synthkit.plugins.examples import pipeline_file

KINDS = {
    "generator": "Where records come from. A pipeline starts with one.",
    "step": "What turns a record into columns or records.",
    "filter": "What keeps a record or drops it, with a reason.",
    "judge": "Steps that score. `.at_least(n)` puts a filter behind one.",
    "technique": "Components that carry the name of a paper or a pattern, and stand for several parts.",
    "provider": "What speaks to a model service. A model is called `provider/name`.",
    "format": "How records become training examples: `--export train.jsonl:NAME`.",
}

GALLERY = """\
# Gallery

What comes with synthkit. A name leads to parameters, columns, prompts, and to an example that runs on the demo model,
without a key. The same in a terminal, for plugins too:

- `synthkit components list` shows what is installed, `synthkit components list --kind filter` only filters,
  `synthkit components list dedup` what has this word in its name or description;
- `synthkit components show rubric` tells all there is to know of one;
- `synthkit components show rubric --example > example.py` writes its example, and `synthkit run example.py` runs it.
"""

INTRO = """\
Every component also takes `label`: its name in summaries, in the ledger and in the identity of its answers. By default
that is the name of its class in kebab-case.
"""
PLACED = """\
Those that work on one record at a time also take [`placement`](../cluster.md#placement): what they need on a cluster.
"""


def pages() -> Mapping[str, str]:
    """The pages, by their paths."""
    names = load(environ={"SYNTHKIT_PLUGINS": ""})  # what is built in, whatever is installed here
    found = {kind: [describe(c, names) for c in names.claims() if c.kind == kind] for kind in KINDS}
    made = {"gallery.md": _gallery(found)}
    for kind, things in found.items():
        intro = [f"# {title(kind)}", KINDS[kind], *_intro(kind)]
        made[f"reference/{kind}s.md"] = "\n\n".join([*intro, *(_section(thing, names) for thing in things)]) + "\n"
    return made


def _intro(kind: str) -> Sequence[str]:
    if kind in ("provider", "format"):
        return []
    return [f"{INTRO.strip()}\n\n{PLACED.strip()}"] if kind in ("filter", "judge", "step") else [INTRO.strip()]


def title(kind: str) -> str:
    return f"{kind.capitalize()}s"


def _gallery(found: Mapping[str, Sequence[Description]]) -> str:
    parts = [GALLERY.strip()]
    for kind, things in found.items():
        rows = [f"| {link(thing)} | {cell(thing.doc.summary)} |" for thing in things]
        parts.append(
            f"## {title(kind)}\n\n{KINDS[kind]}\n\n" + "\n".join(["| name | what it is |", "| --- | --- |", *rows])
        )
    return "\n\n".join(parts) + "\n"


def link(thing: Description, folder: str = "reference/") -> str:
    name = thing.cls.__name__
    return f"[{name}]({folder}{thing.claim.kind}s.md#{name.lower()})"


def cell(text: str) -> str:
    """A text in a cell of a table."""
    return text.replace("|", "\\|")


def _section(thing: Description, names: Registry) -> str:
    return "\n\n".join(
        [
            f"## {thing.cls.__name__}",
            f"`{thing.claim.name}`, from `{thing.home}`",
            *(block(text) for text in thing.doc.text),
            *_parameters(thing),
            *_columns(thing, names),
            *_facts(thing),
            *([f"**Source**: {prose(thing.doc.source)}."] if thing.doc.source else []),
            *_example(thing, names),
            *(_prompt(name, text) for name, text in thing.prompts.items()),
        ]
    )


def prose(text: str) -> str:
    """A paragraph of a docstring, or its list, in lines of at most 120 columns."""
    return "\n".join(filled(point) for point in points(text))


def block(text: str) -> str:
    """A paragraph, or code where it is indented."""
    return f"```python\n{textwrap.dedent(text)}\n```" if is_code(text) else prose(text)


def filled(text: str) -> str:
    indent = "  " if text.startswith("- ") else ""
    lines = [""]
    for word in re.findall(r"(?:`[^`]*`|\S)+", text):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > 120:
            lines.append(indent + word)
        else:
            lines[-1] += f" {word}" if lines[-1] else word
    return "\n".join(lines)


def code(text: str) -> str:
    """A piece of code within a line."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _parameters(thing: Description) -> Iterator[str]:
    rows: list[str] = []
    heads: list[str] = []
    for number, parameter in enumerate(thing.parameters):
        default = "the prompt below" if parameter.name in thing.prompts else code(parameter.default)
        given = "" if parameter.default == "None" else f"by default {default}"
        about = [parameter.limits, "required" if parameter.required else given]
        said = ", ".join([code(parameter.type), *filter(None, about)])
        heads.append(f"**`{parameter.name}`** ({said})")
        after = thing.parameters[number + 1 : number + 2]
        if not parameter.meaning or not after or after[0].meaning != parameter.meaning:
            rows.append(filled(f"- {', '.join(heads)}{': ' if parameter.meaning else ''}{parameter.meaning}"))
            heads = []
    rows += [filled(f"- **`{name}`** (set in a class of one's own): {said}") for name, said in thing.settable.items()]
    if rows:
        yield "**Parameters**\n\n" + "\n".join(rows)


def _columns(thing: Description, names: Registry) -> Iterator[str]:
    found = columns(thing, names)
    rows = found.rows("`") if found else ()
    if found and rows:
        where = "without parameters" if found.default else "in the example below"
        yield f"**Columns**, {where}\n\n" + "\n".join(f"- {what}: {said}" for what, said in rows)


def _facts(thing: Description) -> Iterator[str]:
    rows = [f"- {name}: {said}" for name, said in thing.facts.items() if said]
    if rows:
        yield "**In use**\n\n" + "\n".join(rows)


def _example(thing: Description, names: Registry) -> Iterator[str]:
    if thing.doc.example:
        text = pipeline_file(thing, names).partition("\n\n")[2]
        yield f"**Example**\n\n```python\n{text}```"


def _prompt(name: str, text: str) -> str:
    """Folded: a prompt may be long."""
    fence = "```" if "```" not in text else "````"
    inner = "\n".join(f"    {line}".rstrip() for line in [f"{fence}text", *text.split("\n"), fence])
    return f'??? note "The prompt `{name}`"\n\n{inner}'
