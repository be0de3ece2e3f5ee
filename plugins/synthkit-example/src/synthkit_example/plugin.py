"""What this plugin brings: names, and where their classes are."""

from collections.abc import Mapping

from synthkit import hookimpl


@hookimpl
def synthkit_generators() -> Mapping[str, str]:
    return {"arithmetic": "synthkit_example.parts:Arithmetic"}


@hookimpl
def synthkit_steps() -> Mapping[str, str]:
    return {"count-words": "synthkit_example.parts:CountWords"}


@hookimpl
def synthkit_filters() -> Mapping[str, str]:
    return {"word-limit": "synthkit_example.parts:WordLimit"}


@hookimpl
def synthkit_judges() -> Mapping[str, str]:
    return {"length-judge": "synthkit_example.parts:LengthJudge"}


@hookimpl
def synthkit_providers() -> Mapping[str, str]:
    return {"echo": "synthkit_example.provider:Echo"}


@hookimpl
def synthkit_formats() -> Mapping[str, str]:
    return {"qa-text": "synthkit_example.format:QAText"}
