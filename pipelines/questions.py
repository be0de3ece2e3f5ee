"""Questions about documents, each with its answer and the words of the document that prove it.

    synthkit run pipelines/questions.py --export train.jsonl:alpaca
    synthkit run pipelines/questions.py --documents handbook/ --model openai/gpt-5-mini --judge openai/gpt-5

Documents are text or Markdown files, or the rows of a JSONL file with a column `text`.
"""

from pathlib import Path

from synthkit import Pipeline
from synthkit.filters import MinHashDedup
from synthkit.generators import LoadDocuments
from synthkit.judges import Rubric
from synthkit.steps import Template
from synthkit.techniques import PassageQuestions

DOCUMENTS = Path(__file__).with_name("documents")
ANSWERABLE = [
    "The text alone answers the question; nothing has to be guessed or known besides.",
    "The answer is right by the text, and says all that was asked.",
    "The question can be understood by somebody who does not see the text.",
]


def pipeline(
    documents: Path = DOCUMENTS,
    model: str = "demo/default",
    judge: str = "demo/default",
    words: int = 120,
    per_passage: int = 4,
) -> Pipeline:
    """Questions and answers, each with its source: the document, and where in it."""
    return (
        Pipeline("questions")
        >> LoadDocuments(documents, size=words, overlap=words // 6)
        # The model quotes what proves each answer; a quote that is not in the passage drops the question.
        >> PassageQuestions(model=model, per_passage=per_passage)
        >> MinHashDedup("question", threshold=0.7)
        >> Rubric(judge, criteria=ANSWERABLE, reads=["text", "question", "answer"]).at_least(4)
        >> Template({"instruction": "{{ question }}", "input": "{{ text }}", "output": "{{ answer }}"})
    )
