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

UNEVOLVED = 0.15
"""The share of its harder versions of an instruction that are hardly another one."""

LEAKS = 0.03
"""The share of its other harder versions that begin with words of the prompt."""

MISQUOTED = 0.08
"""The share of its quotations that are not word for word."""

MISLABELLED = 0.06
"""The share of its texts for a label that have another one."""

LEANS = 0.12
"""The share of its verdicts on two answers without a fault that are for the first, whatever they say."""

TIES = 0.1
"""The share of pairs of answers without a fault that it finds equally good, where it may say so."""

CALLS = 0.8
"""The share of its answers that call a tool, where it may and none has just answered."""

LATENCY = (0.02, 0.4)
"""Seconds that demo/slow takes at least and at most."""
