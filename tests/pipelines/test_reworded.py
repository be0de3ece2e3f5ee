"""The demo model knows no technique: with every prompt worded anew, it still serves the whole pipeline."""

from pathlib import Path

from synthkit import Pipeline, Prompt, Repeat
from synthkit.filters import Agrees
from synthkit.generators import LoadDocuments, LoadRecords
from synthkit.judges import Pairwise, Rubric
from synthkit.techniques import Classification, EvolInstruct, FewShot, PassageQuestions, SelfInstruct

PIPELINES = Path(__file__).parents[2] / "pipelines"

TASKS = """\
My notebook of assignments has room left. Here is what I have, please carry on from where it stops:

{% for task in demonstrations %}Task {{ loop.index }}: {{ task }}
{% endfor %}Task {{ demonstrations | length + 1 }}:"""

CLASSIFICATION = """\
Some chores end in picking one of a handful of names; mark which do.

Task: Say if the mail is spam.
Picks a name? Yes

Task: Compose a toast for a wedding.
Picks a name? No

Task: Sort the animal into mammal, bird or fish.
Picks a name? Yes

Task: Describe how cheese is made.
Picks a name? No

Task: {{ instruction }}
Picks a name?"""

OUTPUT_FIRST = """\
Fill in what the final entry still lacks, as the others show ({{ max_instances }} at most).

Task: Say if the mail is spam.
Class label: spam
Mail: You have won a car, click here within the hour.
Class label: not spam
Mail: The meeting moved to ten, see you there.

Task: {{ instruction }}"""

INPUT_FIRST = """\
Fill in what the final entry still lacks, as the others show ({{ max_instances }} at most).

Task: Put the sentence into the past tense.
Example 1
Sentence: She walks to the mill.
Output: She walked to the mill.

Task: Describe how cheese is made.
Output: Milk is curdled, the whey is drained, and the curd is pressed, salted and left to ripen.

Task: {{ instruction }}"""

JUDGE = """\
How good is this? One is dreadful, five is splendid; tell me why before you tell me how much.

{{ material }}"""

MORE = """\
{{ task }}

What I have so far:
{% for one in demonstrations %}{{ one | tojson }}
{% endfor %}
I would like {{ per_call }} further ones of that kind, written as a JSON array of objects with these very keys."""


def test_reworded_prompts_serve_self_instruct(project: Path) -> None:
    pipeline = (
        Pipeline("reworded", target=30)
        >> SelfInstruct(
            seeds=PIPELINES / "seeds.jsonl", model="demo/default", tasks=TASKS, classification=CLASSIFICATION,
            output_first=OUTPUT_FIRST, input_first=INPUT_FIRST,
        )
        >> Rubric(model="demo/default", template=JUDGE).at_least(4)
    )  # fmt: skip
    result = pipeline.run()
    assert result.status == "complete", result.reason
    assert {record["is_classification"] for record in result.accepted} == {True, False}
    assert any(record["input"] for record in result.accepted)
    assert result.tally["rubric/at-least"].dropped, "poor answers are still told from good ones"


def test_a_reworded_prompt_serves_few_shot(project: Path) -> None:
    few = FewShot(seeds=PIPELINES / "task_api_seeds.jsonl", model="demo/default", template=MORE, per_call=4)
    result = (Pipeline("reworded", target=20) >> few).run()
    assert result.status == "complete", result.reason
    assert all(set(record) == {"request", "call"} for record in result.accepted)
    assert len({record["request"] for record in result.accepted}) > 10


HARDER = """\
I find this prompt too easy. {{ how }}

Prompt: {{ instruction }}

Give me a more demanding prompt."""

TWO = """\
Which of these replies is preferable? Say why, then say which.

{{ material }}"""

SOME = """\
{{ task }} Please compose {{ per_call }} short texts for the category "{{ label }}"{% for axis, value in axes.items() \
%}, {{ axis }}: {{ value }}{% endfor %}.{% for one in already %} Not like: {{ one }}{% endfor %}"""

WHICH = """\
{{ material }}

Which category is that? {{ labels }}"""

QUIZ = """\
Make up {{ per_passage }} quiz questions on this excerpt, with answers and the evidence for each.

Excerpt: {{ text }}"""


def test_reworded_prompts_serve_evolution_and_comparison(project: Path) -> None:
    prompts = LoadRecords(PIPELINES / "prompts.jsonl", limit=30)
    evolve = EvolInstruct(model="demo/default", generations=2, rewrite=HARDER)
    twice = Repeat(Prompt("demo/default", template="{{ instruction }}", into="answer"), n=2, into="answers")
    result = (Pipeline("reworded") >> prompts >> evolve >> twice >> Pairwise("demo/default", template=TWO)).run()
    assert result.status == "complete" and len(result.accepted) > 15, result.reason
    assert {record["generation"] for record in result.accepted} == {1, 2}


def test_reworded_prompts_serve_classification(project: Path) -> None:
    labels = ["urgent", "routine", "spam"]
    result = (
        Pipeline("reworded", target=20)
        >> Classification(labels=labels, task="Mails.", model="demo/default", template=SOME, axes={"tone": ["polite"]})
        >> Agrees("demo/default", labels=labels, template=WHICH)
    ).run()
    assert result.status == "complete", result.reason
    assert {record["label"] for record in result.accepted} == set(labels)
    assert result.tally["agrees"].dropped < 0.3 * result.tally["agrees"].seen


def test_a_reworded_prompt_serves_questions(project: Path) -> None:
    load = LoadDocuments(PIPELINES / "documents", size=80)
    ask = PassageQuestions(model="demo/default", per_passage=2, template=QUIZ)
    result = (Pipeline("reworded", target=40) >> load >> ask).run()
    assert result.status == "complete", result.reason
    assert result.tally["passage-questions/quoted"].dropped < 0.2 * result.tally["passage-questions/quoted"].seen
