"""Instruction data from a few seed tasks: Self-Instruct, rules, near-duplicates, a judge.

    synthkit run pipelines/instructions.py --target 200 --export train.jsonl:sharegpt
    synthkit run pipelines/instructions.py --seeds mine.jsonl --model openai/gpt-5-mini --judge openai/gpt-5

The parameters of `pipeline` are options of the command line. Without any, the demo model answers: no key, no network,
and no text to train on.
"""

from pathlib import Path

from synthkit import Pipeline
from synthkit.filters import MinHashDedup, Rules
from synthkit.judges import Rubric
from synthkit.techniques import SelfInstruct

SEEDS = Path(__file__).with_name("seeds.jsonl")
"""Seed tasks across kinds of task. Yours should be of the kinds that you want more of: a JSON object a line, with
`instruction`, and `instances` of `input` and `output`."""


def pipeline(seeds: Path = SEEDS, model: str = "demo/default", judge: str = "demo/default") -> Pipeline:
    """Instruction data from a few seed tasks."""
    return (
        Pipeline("instructions", target=500)
        # New instructions that differ from the seeds and from each other, with up to five examples of each.
        >> SelfInstruct(seeds=seeds, model=model)
        # How short an output may be depends on your tasks: a label can be as short as «B». This drops non-answers.
        >> Rules(min_words={"instruction": 3}, refuses={"output": r"(?i)^(okay|done|sure|not sure|no idea|n/a)[.!]?$"})
        # Examples of one instruction whose inputs are nearly the same teach nothing new.
        >> MinHashDedup("instruction", "input", threshold=0.8)
        # The judge writes `score` and `rationale`; a model other than the one that wrote the answers judges better.
        >> Rubric(model=judge).at_least(4)
    )
