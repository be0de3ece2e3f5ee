"""Self-Instruct (Wang et al., 2022): instructions with instances, bootstrapped from a few seed tasks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from synthkit.core import Component, ModelName, Route
from synthkit.techniques import self_instruct_templates as templates
from synthkit.techniques.self_instruct_instances import Classification, InputFirst, OutputFirst, ValidInstance
from synthkit.techniques.self_instruct_novelty import Novel
from synthkit.techniques.self_instruct_tasks import UNSUITED, Demonstrations, MoreTasks, Suitable


class SelfInstruct(Component):
    """Makes instruction data from seed tasks: writes `instruction`, `is_classification`, `input` and `output`.

    Each prompt shows 8 instructions, 2 of them from what was kept in earlier rounds, and asks for more. What passes
    the filters and is new by ROUGE-L gets instances: for classification tasks the label first, then an input that
    fits; for others the input first.

    The sampling options of the original's code are wishes here. Unlike there, an answer that was cut off loses its last
    task only, and the case of an instruction is left as it is behind the first letter.

    seeds: a JSONL file of tasks with `instruction`, as the original's. model: who is asked. shown: how many
    instructions a prompt shows. from_pool: how many of them are those kept in earlier rounds, as soon as there are any.
    asked: how many more instructions a prompt asks for. threshold: the highest ROUGE-L F-measure with a known
    instruction that is still new. unsuited: words that no instruction may hold. max_instances: how many examples of
    one instruction are made at most. options: sampling options that must hold for the prompt that asks for tasks; the
    others are asked at temperature 0. tasks: the prompt that asks for instructions. classification: the one that asks
    whether the answer to an instruction is a label. output_first: the one for instances of such instructions.
    input_first: the one for instances of all others.

    Source: Wang et al. (2022), Self-Instruct, arXiv 2212.10560, and its code, github.com/yizhongw/self-instruct.

    Example:
        tasks = ["Name a river in Europe.", "Is the review positive?", "Write a haiku on rain.", "Add the two numbers."]
        Path("example-tasks.jsonl").write_text("\\n".join(json.dumps({"instruction": task}) for task in tasks))
        Pipeline("example", target=3) >> SelfInstruct(seeds="example-tasks.jsonl", model="demo/default")
    """

    seeds: Path
    model: ModelName
    shown: int = Field(8, ge=1)
    from_pool: int = Field(2, ge=0)
    asked: int = Field(7, ge=1)
    threshold: float = Field(0.7, ge=0, le=1)
    unsuited: tuple[str, ...] = UNSUITED
    max_instances: int = Field(5, ge=1)
    options: dict[str, Any] = {}
    tasks: str = templates.TASKS
    classification: str = templates.CLASSIFICATION
    output_first: str = templates.OUTPUT_FIRST
    input_first: str = templates.INPUT_FIRST

    def expand(self) -> Sequence[Component]:
        model, most = self.model, self.max_instances
        ways = {
            "true": OutputFirst(model=model, template=self.output_first, max_instances=most),
            "false": InputFirst(model=model, template=self.input_first, max_instances=most),
        }
        return (
            Demonstrations(seeds=self.seeds, shown=self.shown, from_pool=self.from_pool),
            MoreTasks(label="tasks", model=model, template=self.tasks, asked=self.asked, options=self.options),
            Suitable(unsuited=self.unsuited),
            Novel(seeds=self.seeds, threshold=self.threshold),
            Classification(model=model, template=self.classification),
            Route(label="instances", ways=ways, by="is_classification"),
            ValidInstance(),
        )
