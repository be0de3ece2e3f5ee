"""The prompts of Evol-Instruct, in synthkit's own words. Each is the default of a field, so that it can be replaced."""

from collections.abc import Mapping

OPERATIONS: Mapping[str, str] = {
    "constraints": "Add one more requirement that the answer has to meet.",
    "deepening": "Where it asks about something, let it ask about that in more depth and in more breadth.",
    "concretizing": "Replace what is general in it by something more specific.",
    "reasoning": "If a thought or two are enough to answer it, change it so that it expressly calls for reasoning in "
    "several steps.",
    "input": "Let it come with input to be worked on, written out in full within the instruction: a small table, a "
    "piece of code, some JSON, a formula, an excerpt or a log.",
}
"""The five operations of in-depth evolution, by the names that the paper gives them, more or less."""

REWRITE = """\
Somebody gave the instruction below to an assistant. Rewrite it into a new instruction that is somewhat harder to \
fulfil, by one change and no other:

{{ how }}

The new instruction must make sense, and an expert must be able to fulfil it from its own text. It keeps what belongs \
to the old one: tables, code, data, names and figures. Apart from added input it is at most 20 words longer. Word it \
anew as a whole, as one natural request; do not repeat the old wording with something tacked on. Do not fulfil it, and \
do not mention that anything was rewritten.

Instruction:
{{ instruction }}

Write the new instruction, and nothing else."""

RESPOND = "{{ instruction }}"
