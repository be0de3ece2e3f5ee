"""The contracts: read these and you know synthkit."""

from synthkit.core.answer import (
    Answer,
    Message,
    Messages,
    OnLength,
    Reply,
    Request,
    Schema,
    Token,
    Tool,
    ToolCall,
    Usage,
    Vectors,
    image,
)
from synthkit.core.columns import IO, Have
from synthkit.core.component import Component, EmbedderName, ModelName, Part, PartField, chain
from synthkit.core.composites import Each, Fork, Loop, Repeat, Route
from synthkit.core.context import Context, Opening, Outcome, Reject
from synthkit.core.functions import filter, generator, step
from synthkit.core.interfaces import (
    AtLeast,
    DatasetStep,
    Filter,
    Format,
    Gate,
    Generator,
    Judge,
    Round,
    Step,
    View,
)
from synthkit.core.placement import Placement
from synthkit.core.prompt import Prompt, render
from synthkit.core.provider import Endpoint, Provider, Quota, Quotas
from synthkit.core.record import Fields, Record
from synthkit.core.verdict import KEEP, Verdict, drop

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
    "Message",
    "Messages",
    "ModelName",
    "OnLength",
    "Opening",
    "Outcome",
    "Part",
    "PartField",
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
    "Round",
    "Route",
    "Schema",
    "Step",
    "Token",
    "Tool",
    "ToolCall",
    "Usage",
    "Vectors",
    "Verdict",
    "View",
    "chain",
    "drop",
    "filter",
    "generator",
    "image",
    "render",
    "step",
]
