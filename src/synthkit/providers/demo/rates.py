"""How often the demo model goes wrong. The rates are stated so that each filter can be seen to work, and tested."""

EXACT_DUPLICATES = 0.02
"""The share of its instructions that are one of a few common ones, word for word."""

NEAR_DUPLICATES = 0.06
"""The share of its instructions that say one of the common ones in slightly other words."""

REFUSALS = 0.01
"""The share of its answers that decline politely. Never one that repairs an earlier answer."""

MALFORMED = 0.03
"""The share of its JSON answers that are no plain JSON: cut, with a trailing comma, in single quotes, in prose."""

POOR = 0.12
"""The share of answers to an instruction that are poor: too short, evasive, or about something else."""

NOISE = 0.05
"""The share of its yes-or-no answers that are the wrong way round."""

LATENCY = (0.02, 0.4)
"""Seconds that demo/slow takes at least and at most."""
