"""synthkit: pipelines that make synthetic training, preference and evaluation data with language models.

What users import, and nothing else; everything is loaded when it is first asked for.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthkit.core import IO as IO
    from synthkit.core import KEEP as KEEP
    from synthkit.core import Answer as Answer
    from synthkit.core import AtLeast as AtLeast
    from synthkit.core import Component as Component
    from synthkit.core import Context as Context
    from synthkit.core import DatasetStep as DatasetStep
    from synthkit.core import Each as Each
    from synthkit.core import EmbedderName as EmbedderName
    from synthkit.core import Endpoint as Endpoint
    from synthkit.core import Fields as Fields
    from synthkit.core import Filter as Filter
    from synthkit.core import Fork as Fork
    from synthkit.core import Format as Format
    from synthkit.core import Gate as Gate
    from synthkit.core import Generator as Generator
    from synthkit.core import Have as Have
    from synthkit.core import Judge as Judge
    from synthkit.core import Loop as Loop
    from synthkit.core import ModelName as ModelName
    from synthkit.core import Opening as Opening
    from synthkit.core import Outcome as Outcome
    from synthkit.core import Part as Part
    from synthkit.core import PartField as PartField
    from synthkit.core import Placement as Placement
    from synthkit.core import Prompt as Prompt
    from synthkit.core import Provider as Provider
    from synthkit.core import Quota as Quota
    from synthkit.core import Quotas as Quotas
    from synthkit.core import Record as Record
    from synthkit.core import Reject as Reject
    from synthkit.core import Repeat as Repeat
    from synthkit.core import Reply as Reply
    from synthkit.core import Request as Request
    from synthkit.core import Round as Round
    from synthkit.core import Route as Route
    from synthkit.core import Step as Step
    from synthkit.core import Token as Token
    from synthkit.core import Tool as Tool
    from synthkit.core import ToolCall as ToolCall
    from synthkit.core import Usage as Usage
    from synthkit.core import Vectors as Vectors
    from synthkit.core import Verdict as Verdict
    from synthkit.core import View as View
    from synthkit.core import drop as drop
    from synthkit.core import filter as filter
    from synthkit.core import generator as generator
    from synthkit.core import image as image
    from synthkit.core import step as step
    from synthkit.engine.pipeline import Pipeline as Pipeline
    from synthkit.engine.result import Result as Result
    from synthkit.plugins import hookimpl as hookimpl

_ELSEWHERE = {
    "Pipeline": "synthkit.engine.pipeline",
    "Result": "synthkit.engine.result",
    "hookimpl": "synthkit.plugins",
}

__all__ = [
    "IO",
    "KEEP",
    "Answer",
    "AtLeast",
    "Component",
    "Context",
    "DatasetStep",
    "Each",
    "EmbedderName",
    "Endpoint",
    "Fields",
    "Filter",
    "Fork",
    "Format",
    "Gate",
    "Generator",
    "Have",
    "Judge",
    "Loop",
    "ModelName",
    "Opening",
    "Outcome",
    "Part",
    "PartField",
    "Pipeline",
    "Placement",
    "Prompt",
    "Provider",
    "Quota",
    "Quotas",
    "Record",
    "Reject",
    "Repeat",
    "Reply",
    "Request",
    "Result",
    "Round",
    "Route",
    "Step",
    "Token",
    "Tool",
    "ToolCall",
    "Usage",
    "Vectors",
    "Verdict",
    "View",
    "drop",
    "filter",
    "generator",
    "hookimpl",
    "image",
    "step",
]


def __getattr__(name: str) -> Any:
    if name == "errors":
        return importlib.import_module("synthkit.errors")
    if name not in __all__:
        raise AttributeError(f"module 'synthkit' has no attribute {name!r}")
    value = getattr(importlib.import_module(_ELSEWHERE.get(name, "synthkit.core")), name)
    if name in ("Pipeline", "Result"):
        importlib.import_module("synthkit.engine.views").bring(_views)
    globals()[name] = value
    return value


def _views() -> Any:
    """What shows runs in Python: the screens of the command line, which the engine does not know."""
    return importlib.import_module("synthkit.cli.views")


def __dir__() -> list[str]:
    return [*__all__, "errors"]
