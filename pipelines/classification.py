"""Texts for a classifier: as many of each label, each label checked by another call.

    synthkit run pipelines/classification.py --export train.jsonl:alpaca
    synthkit run pipelines/classification.py --target 1000 --model openai/gpt-5-mini --verifier openai/gpt-5

To make it yours, change TASK, LABELS and AXES.
"""

from synthkit import Pipeline
from synthkit.filters import Agrees, MinHashDedup, Rules
from synthkit.steps import BalanceBy, Template
from synthkit.techniques import Classification

TASK = "Messages that customers write to an online shop. Their label says what the customer wants."
LABELS = {
    "refund": "wants money back, for goods that were sent back or charged wrongly",
    "delivery": "asks where an order is, or says that it came late, damaged or to the wrong place",
    "technical problem": "cannot use the website, the app or a device",
    "account": "wants something about the own account: password, address, log-in",
}
QUESTION = f"What does the customer want? Answer with one of: {', '.join(LABELS)}."
AXES = {
    "tone": ["polite", "annoyed", "in a hurry", "chatty"],
    "length": ["one short sentence", "two or three sentences", "a whole paragraph"],
    "difficulty": ["plain", "says what it wants only indirectly"],
}


def pipeline(model: str = "demo/default", verifier: str = "demo/default", per_call: int = 5) -> Pipeline:
    """Customers' messages, as many of each label."""
    return (
        Pipeline("classification", target=200)
        # Several texts a call, of one label; the labels that lack the most come up most often.
        >> Classification(labels=LABELS, task=TASK, axes=AXES, model=model, per_call=per_call)
        >> Rules(min_words={"text": 4}, max_words={"text": 150})
        >> MinHashDedup("text", threshold=0.7)
        # A model that is not told the label must come to the same.
        >> Agrees(verifier, labels=LABELS, task=TASK)
        # The labels share the target; what is beyond a label's share is dropped, and others are made.
        >> BalanceBy("label", values=list(LABELS))
        >> Template({"instruction": QUESTION, "input": "{{ text }}", "output": "{{ label }}"})
    )
