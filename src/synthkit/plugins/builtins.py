"""What synthkit brings itself, registered through the door that plugins use: names and import strings, no imports."""

from collections.abc import Mapping

from synthkit.plugins.hookspecs import hookimpl


@hookimpl
def synthkit_generators() -> Mapping[str, str]:
    return {"load-records": "synthkit.generators.load_records:LoadRecords"}


@hookimpl
def synthkit_steps() -> Mapping[str, str]:
    return {
        "each": "synthkit.core:Each",
        "fork": "synthkit.core:Fork",
        "loop": "synthkit.core:Loop",
        "repeat": "synthkit.core:Repeat",
        "route": "synthkit.core:Route",
    }


@hookimpl
def synthkit_filters() -> Mapping[str, str]:
    return {
        "exact-dedup": "synthkit.filters.exact_dedup:ExactDedup",
        "min-hash-dedup": "synthkit.filters.min_hash_dedup:MinHashDedup",
        "rules": "synthkit.filters.rules:Rules",
    }


@hookimpl
def synthkit_judges() -> Mapping[str, str]:
    return {"rubric": "synthkit.judges.rubric:Rubric"}


@hookimpl
def synthkit_techniques() -> Mapping[str, str]:
    return {
        "few-shot": "synthkit.techniques.few_shot:FewShot",
        "self-instruct": "synthkit.techniques.self_instruct:SelfInstruct",
    }


@hookimpl
def synthkit_providers() -> Mapping[str, str]:
    return {"demo": "synthkit.providers.demo:Demo", "openai": "synthkit.providers.openai:OpenAI"}


@hookimpl
def synthkit_formats() -> Mapping[str, str]:
    return {
        "alpaca": "synthkit.formats.alpaca:Alpaca",
        "chatml": "synthkit.formats.chatml:ChatML",
        "dpo": "synthkit.formats.dpo:DPO",
        "sharegpt": "synthkit.formats.sharegpt:ShareGPT",
    }
