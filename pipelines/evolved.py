"""Harder instructions out of plain ones, with their responses: Evol-Instruct in short.

    synthkit run pipelines/evolved.py --export train.jsonl:sharegpt
    synthkit run pipelines/evolved.py --prompts mine.jsonl --generations 4 --model openai/gpt-5-mini

Every prompt evolves once a generation, so what comes out has several levels of difficulty: `generation` says which.
"""

from pathlib import Path

from synthkit import Pipeline
from synthkit.filters import MinHashDedup, Rules
from synthkit.generators import LoadRecords
from synthkit.judges import Rubric
from synthkit.techniques import EvolInstruct

PROMPTS = Path(__file__).with_name("prompts.jsonl")


def pipeline(
    prompts: Path = PROMPTS,
    model: str = "demo/default",
    judge: str = "demo/default",
    generations: int = 3,
    least: int = 4,
) -> Pipeline:
    """Instructions evolved from those of a file, with responses that a judge has passed."""
    return (
        Pipeline("evolved")
        >> LoadRecords(prompts, columns={"instruction": "instruction"})
        # Five operations, drawn by chance; what stays too like its parent (ROUGE-L over 0.7) is eliminated.
        >> EvolInstruct(model=model, generations=generations, threshold=0.7)
        >> Rules(min_words={"instruction": 4}, max_words={"instruction": 300})
        >> MinHashDedup("instruction", threshold=0.8)
        >> Rubric(judge).at_least(least)
    )
