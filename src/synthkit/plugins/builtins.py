"""What synthkit brings itself, registered through the door that plugins use: names and import strings, no imports."""

from collections.abc import Mapping

from synthkit.plugins.hookspecs import hookimpl


@hookimpl
def synthkit_generators() -> Mapping[str, str]:
    return {
        "load-documents": "synthkit.generators.load_documents:LoadDocuments",
        "load-records": "synthkit.generators.load_records:LoadRecords",
        "rows": "synthkit.generators.rows:Rows",
    }


@hookimpl
def synthkit_steps() -> Mapping[str, str]:
    return {
        "balance-by": "synthkit.steps.balance_by:BalanceBy",
        "drop": "synthkit.steps.drop:Drop",
        "each": "synthkit.core:Each",
        "embed": "synthkit.steps.embed:Embed",
        "expand": "synthkit.steps.expand:Expand",
        "flatten": "synthkit.steps.flatten:Flatten",
        "fork": "synthkit.core:Fork",
        "gather": "synthkit.steps.gather:Gather",
        "group": "synthkit.steps.group:Group",
        "keep": "synthkit.steps.keep:Keep",
        "limit": "synthkit.steps.limit:Limit",
        "loop": "synthkit.core:Loop",
        "map": "synthkit.steps.map:Map",
        "prompt": "synthkit.core:Prompt",
        "rename": "synthkit.steps.rename:Rename",
        "repeat": "synthkit.core:Repeat",
        "route": "synthkit.core:Route",
        "sample": "synthkit.steps.sample:Sample",
        "shuffle": "synthkit.steps.shuffle:Shuffle",
        "sort": "synthkit.steps.sort:Sort",
        "split": "synthkit.steps.split:Split",
        "template": "synthkit.steps.template:Template",
        "top-k": "synthkit.steps.top_k:TopK",
    }


@hookimpl
def synthkit_filters() -> Mapping[str, str]:
    return {
        "agrees": "synthkit.filters.agrees:Agrees",
        "at-least": "synthkit.core:AtLeast",
        "exact-dedup": "synthkit.filters.exact_dedup:ExactDedup",
        "min-hash-dedup": "synthkit.filters.min_hash_dedup:MinHashDedup",
        "rules": "synthkit.filters.rules:Rules",
    }


@hookimpl
def synthkit_judges() -> Mapping[str, str]:
    return {"pairwise": "synthkit.judges.pairwise:Pairwise", "rubric": "synthkit.judges.rubric:Rubric"}


@hookimpl
def synthkit_techniques() -> Mapping[str, str]:
    return {
        "classification": "synthkit.techniques.classification:Classification",
        "evol-instruct": "synthkit.techniques.evol_instruct:EvolInstruct",
        "few-shot": "synthkit.techniques.few_shot:FewShot",
        "passage-questions": "synthkit.techniques.passage_questions:PassageQuestions",
        "self-instruct": "synthkit.techniques.self_instruct:SelfInstruct",
    }


@hookimpl
def synthkit_providers() -> Mapping[str, str]:
    return {
        "anthropic": "synthkit.providers.anthropic:Anthropic",
        "demo": "synthkit.providers.demo:Demo",
        "openai": "synthkit.providers.openai:OpenAI",
        "openai-responses": "synthkit.providers.openai_responses:OpenAIResponses",
    }


@hookimpl
def synthkit_formats() -> Mapping[str, str]:
    return {
        "alpaca": "synthkit.formats.alpaca:Alpaca",
        "chatml": "synthkit.formats.chatml:ChatML",
        "dpo": "synthkit.formats.dpo:DPO",
        "kto": "synthkit.formats.kto:KTO",
        "openai": "synthkit.formats.openai_chat:OpenAIChat",
        "openai-preference": "synthkit.formats.openai_preference:OpenAIPreference",
        "prompt-completion": "synthkit.formats.prompt_completion:PromptCompletion",
        "sharegpt": "synthkit.formats.sharegpt:ShareGPT",
    }
