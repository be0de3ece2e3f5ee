"""Evol-Instruct (Xu et al., 2023): instructions rewritten into harder ones, generation after generation."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from synthkit.core import (
    IO,
    Answer,
    Component,
    Context,
    Fields,
    Have,
    ModelName,
    Outcome,
    Part,
    Prompt,
    Record,
    Step,
    Verdict,
)
from synthkit.core.composites import lost
from synthkit.core.flow import inner_flow
from synthkit.errors import PipelineError
from synthkit.techniques import evol_instruct_templates as templates
from synthkit.techniques.evol_instruct_rules import COPIED, Evolved, Responded

OWN = ("how", "operation", "parent")
"""Columns that a rewriting prompt is given besides the record's own."""


class EvolInstruct(Component):
    """Evolves instructions and answers them: writes `instruction`, `output`, `parent`, `operation` and `generation`.

    Each record's `instruction` (with its `input` behind a blank line, where there is one) is rewritten by one of five
    operations, drawn by chance: one more constraint, more depth, something more specific, more steps of reasoning, or
    input to work on. What is too like its parent by ROUGE-L, or copies words of the prompt, is eliminated; the parent
    then has another try in the next generation, by another draw. So a record becomes as many as there are generations,
    or fewer. Then each new instruction gets its response; those that only apologise, or say nothing, are dropped. What
    was eliminated on the way is in the ledger as attempts.

    The paper asks a model whether a rewriting brings anything new; here it is measured. Responses come after the last
    generation: one that fails costs its own instruction, and not its offspring. In-breadth evolution, new instructions
    out of old ones, is left to `SelfInstruct`.

    model: who rewrites. responder: who responds; the same by default. generations: how often each record is rewritten.
    operations: what a rewriting is asked for, by name. threshold: the highest ROUGE-L F-measure with the parent that is
    still an evolution. copied: phrases that tell a copy of the prompt, where the parent has them not. options: sampling
    options that must hold for rewriting; a temperature of 0.9 is wished for. response_options: those that must hold for
    responding. rewrite: the prompt that rewrites; it may read `instruction`, `how` and the record's columns. respond:
    the prompt that responds.

    Source: Xu et al. (2023), WizardLM, arXiv 2304.12244, section 3, and its code, github.com/nlpxucan/WizardLM.

    Example:
        tasks = [{"instruction": "Name three ways to save water at home."}, {"instruction": "Explain how tides work."}]
        Pipeline("example") >> Rows(tasks) >> EvolInstruct(model="demo/default", generations=2)
    """

    model: ModelName
    responder: ModelName | None = None
    generations: int = Field(3, ge=1, le=10)
    operations: dict[str, str] = dict(templates.OPERATIONS)
    threshold: float = Field(0.7, ge=0, le=1)
    copied: tuple[str, ...] = COPIED
    options: dict[str, Any] = {}
    response_options: dict[str, Any] = {}
    rewrite: str = templates.REWRITE
    respond: str = templates.RESPOND

    def expand(self) -> Sequence[Component]:
        evolve = Evolve(
            model=self.model,
            generations=self.generations,
            operations=self.operations,
            threshold=self.threshold,
            copied=self.copied,
            options=self.options,
            template=self.rewrite,
        )
        respond = Prompt(
            label="respond",
            model=self.responder or self.model,
            template=self.respond,
            into="output",
            options=self.response_options,
        )
        return evolve, respond, Responded()


class Rewrite(Prompt):
    """Asks for a harder version of an instruction."""

    template: str = templates.REWRITE

    wishes: ClassVar[Mapping[str, Any]] = {"temperature": 0.9}

    class Out(BaseModel):
        instruction: str = Field(min_length=1, description="the new instruction, and nothing else")

    def read(self, answer: Answer, record: Record) -> Fields:
        return {"instruction": answer.data.instruction.strip()}


class Evolve(Step):
    """Rewrites an instruction once a generation, and makes a record of each version that is one."""

    model: ModelName
    generations: int = Field(3, ge=1, le=10)
    operations: dict[str, str] = dict(templates.OPERATIONS)
    threshold: float = Field(0.7, ge=0, le=1)
    copied: tuple[str, ...] = COPIED
    options: dict[str, Any] = {}
    template: str = templates.REWRITE

    def inner(self) -> Mapping[str, Part]:
        return {"generation": self._generation}

    @cached_property
    def _generation(self) -> tuple[Component, ...]:
        rewrite = Rewrite(model=self.model, template=self.template, options=self.options)
        return rewrite, Evolved(threshold=self.threshold, copied=self.copied)

    def io(self, have: Have) -> IO:
        if not self.operations:
            raise PipelineError("operations={} leaves nothing to do: name some, or leave it out")
        found = inner_flow(self._generation, have.plus("instruction", *OWN), "generation").io
        reads = {name: kind for name, kind in found.reads.items() if name not in OWN}
        return IO.of(
            {**reads, "instruction": str},
            ("instruction", "parent", "operation", "generation", *(name for name in ("input",) if name in have)),
            maybe=[name for name in ("input",) if name in have.maybe],
            optional=[*found.optional, "input"],
            fans_out=True,
        )

    async def process(self, record: Record, ctx: Context) -> Sequence[Fields] | Verdict:
        parent = "\n\n".join(filter(None, (record["instruction"].strip(), str(record.get("input") or "").strip())))
        alone = {"input": ""} if "input" in record else {}
        made: list[Fields] = []
        last = Outcome()
        for number in range(1, self.generations + 1):
            operation = ctx.rng("operation", number).choice(list(self.operations))
            now = {"instruction": parent, "parent": parent, "operation": operation, **alone}
            given = record.updated({**now, "how": self.operations[operation]})
            outcome = await ctx.run(self._generation, given, str(number))
            if outcome.records:
                child = outcome.records[0]["instruction"]
                made.append({**now, "instruction": child, "generation": number})
                parent = child
            elif outcome.reject is not None and outcome.reject.transient:
                return lost(outcome, "nothing made")  # fails: it is worth another try, and what was answered is kept
            else:
                last = outcome
        return made or lost(last, "nothing made")
