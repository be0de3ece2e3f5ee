"""The reference of what is imported: signatures and docstrings, read from the source."""

import inspect
import textwrap
from collections.abc import Mapping, Sequence

from generate_components import KINDS, block, cell, code, filled, prose, title
from generate_source import member

GROUPS: Mapping[str, Sequence[str]] = {
    "Pipelines and runs": ["Pipeline", "Result"],
    "Parts as functions": ["generator", "step", "filter"],
    "Parts as classes": ["Component", "Generator", "Round", "Step", "Prompt", "Filter", "Judge", "DatasetStep", "View"],
    "Verdicts": ["Verdict", "KEEP", "drop", "AtLeast", "Gate"],
    "Records and columns": ["Record", "Fields", "IO", "Have"],
    "Types of parameters": ["ModelName", "Part", "PartField"],
    "What a step may touch": ["Context", "Answer", "Outcome", "Reject"],
    "Answers with more": ["image", "Tool", "ToolCall", "Token"],
    "Providers and formats": ["Provider", "Endpoint", "Request", "Reply", "Usage", "Format"],
    "Plugins": ["hookimpl"],
}
"""What `synthkit` exports, in the order in which one reads it; what is in no group stands at the end."""
ELSEWHERE = {"Each", "Fork", "Loop", "Repeat", "Route"}
"""Built-in steps, which have a page of their own."""

SETTINGS = """
The file in a project's folder, which makes that folder the project. All that stands in it is checked: an unknown table
or key, or a value of another type, is an error that names the file, the table and the key.
"""


def pages() -> Mapping[str, str]:
    """The pages, by their paths."""
    return {
        "reference/index.md": _index(),
        "reference/python.md": _facade(),
        "reference/errors.md": _errors(),
        "reference/testing.md": _testing(),
        "reference/hooks.md": _hooks(),
        "reference/settings.md": _settings(),
    }


def _index() -> str:
    kinds = [f"- [{title(kind)}]({kind}s.md): {what[0].lower()}{what[1:]}" for kind, what in KINDS.items()]
    return "\n".join(
        [
            "# Reference",
            "",
            "Made from the code, and checked against it by a test.",
            "",
            "What pipelines are made of, each with its parameters, columns, prompts and an example:",
            "",
            *kinds,
            "",
            "For Python:",
            "",
            "- [Python](python.md): what `import synthkit as sk` has, which is all that pipelines and plugins need.",
            "- [Errors](errors.md): what may be raised, as one tree.",
            "- [Testing](testing.md): `synthkit.testing`, the kit for tests.",
            "- [Hooks](hooks.md): how a plugin registers what it brings.",
            "",
            "And:",
            "",
            "- [synthkit.toml](settings.md): models, prices, keys.",
            "- [Commands](../commands.md): what each says for `--help`.",
            "",
        ]
    )


def _facade() -> str:
    import synthkit

    named = {name for group in GROUPS.values() for name in group} | ELSEWHERE
    groups = {**GROUPS, "Further": [name for name in synthkit.__all__ if name not in named]}
    parts = ["# Python", "What `import synthkit as sk` has. Nothing is loaded before it is used."]
    for heading, group in groups.items():
        if group:
            parts += [f"## {heading}", *(text for name in group for text in member(synthkit, name, 3))]
    steps = ", ".join(f"[`{name}`](steps.md#{name.lower()})" for name in sorted(ELSEWHERE))
    return "\n\n".join([*parts, "## Composites", f"{steps} are on the page of [steps](steps.md)."]) + "\n"


def _testing() -> str:
    import synthkit.testing

    parts = ["# Testing", inspect.cleandoc(synthkit.testing.__doc__ or "")]
    names = [name for name in synthkit.testing.__all__ if hasattr(synthkit.testing, name)]
    classes = [name for name in names if isinstance(getattr(synthkit.testing, name), type)]
    first = ["LoopbackServer", *(name for name in classes if name != "LoopbackServer")]
    rest = [name for name in names if name not in first]
    return "\n\n".join([*parts, *(b for name in (*first, *rest) for b in member(synthkit.testing, name, 2))]) + "\n"


def _hooks() -> str:
    from synthkit.plugins import HOOKS, hookspecs

    whole = inspect.cleandoc(hookspecs.__doc__ or "").split("\n\n")
    parts = ["# Hooks", *(block(text) for text in whole)]
    parts = ["\n\n".join(parts).replace("\n```\n\n```python\n", "\n\n")]
    for hook in HOOKS:
        doc = inspect.cleandoc(getattr(hookspecs, hook).__doc__ or "")
        parts += [f"## {hook}", *(prose(text) for text in doc.split("\n\n"))]
    return "\n\n".join(parts) + "\n"


def _errors() -> str:
    from synthkit import errors

    doc = inspect.cleandoc(errors.__doc__ or "")
    first, _, rest = doc.partition("\n\n")
    tree = "\n".join(line for line in rest.split("\n") if line.startswith("    "))
    last = rest.rpartition("\n")[2]
    rows = []
    for name, found in vars(errors).items():
        if isinstance(found, type) and found.__module__ == errors.__name__:
            reason = vars(found).get("reason", "")
            said = cell(" ".join(inspect.cleandoc(found.__doc__ or "").split()))
            rows.append(f"| {name} | {said} | {reason} |")
    table = "\n".join(["| error | what it says | reason |", "| --- | --- | --- |", *rows])
    body = [f"{first} They are in `synthkit.errors`.", f"```text\n{textwrap.dedent(tree)}\n```", last, table]
    return "\n\n".join(["# Errors", *body]) + "\n"


def _settings() -> str:
    from synthkit.models import settings
    from synthkit.plugins.parameters import parameters_of

    parts = ["# synthkit.toml", SETTINGS.strip()]
    for heading, table in (
        ("The file", settings.Settings),
        ("`[models.NAME]`", settings.ModelTable),
        ("`[prices.NAME]`", settings.PriceTable),
    ):
        rows = []
        for field in parameters_of(table):
            about = [code(field.type.removesuffix(" | None")), field.limits, "required" if field.required else ""]
            if not field.required and field.default not in ("None", "{}"):
                about.append(f"by default {field.default}")
            rows.append(filled(f"- **`{field.name}`** ({', '.join(filter(None, about))}): {field.meaning}"))
        parts += [f"## {heading}", "\n".join(rows)]
    return "\n\n".join(parts) + "\n"
