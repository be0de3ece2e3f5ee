"""The demo model knows no technique: with every prompt worded anew, it still serves the whole pipeline."""

from pathlib import Path

from synthkit import Pipeline
from synthkit.judges import Rubric
from synthkit.techniques import FewShot, SelfInstruct

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
