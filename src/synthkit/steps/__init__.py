"""Steps: what turns records into columns or records, and what orders, draws or divides them.

Here are also `Prompt`, and the composites, made of other steps.
"""

from typing import TYPE_CHECKING

from synthkit.core.lazy import exports

if TYPE_CHECKING:
    from synthkit.core import Each as Each
    from synthkit.core import Fork as Fork
    from synthkit.core import Loop as Loop
    from synthkit.core import Prompt as Prompt
    from synthkit.core import Repeat as Repeat
    from synthkit.core import Route as Route
    from synthkit.steps.balance_by import BalanceBy as BalanceBy
    from synthkit.steps.drop import Drop as Drop
    from synthkit.steps.embed import Embed as Embed
    from synthkit.steps.expand import Expand as Expand
    from synthkit.steps.flatten import Flatten as Flatten
    from synthkit.steps.gather import Gather as Gather
    from synthkit.steps.group import Group as Group
    from synthkit.steps.keep import Keep as Keep
    from synthkit.steps.limit import Limit as Limit
    from synthkit.steps.map import Map as Map
    from synthkit.steps.rename import Rename as Rename
    from synthkit.steps.sample import Sample as Sample
    from synthkit.steps.shuffle import Shuffle as Shuffle
    from synthkit.steps.sort import Sort as Sort
    from synthkit.steps.split import Split as Split
    from synthkit.steps.template import Template as Template
    from synthkit.steps.top_k import TopK as TopK

_MODULES = {
    "BalanceBy": "synthkit.steps.balance_by",
    "Drop": "synthkit.steps.drop",
    "Each": "synthkit.core",
    "Embed": "synthkit.steps.embed",
    "Expand": "synthkit.steps.expand",
    "Flatten": "synthkit.steps.flatten",
    "Fork": "synthkit.core",
    "Gather": "synthkit.steps.gather",
    "Group": "synthkit.steps.group",
    "Keep": "synthkit.steps.keep",
    "Limit": "synthkit.steps.limit",
    "Loop": "synthkit.core",
    "Map": "synthkit.steps.map",
    "Prompt": "synthkit.core",
    "Rename": "synthkit.steps.rename",
    "Repeat": "synthkit.core",
    "Route": "synthkit.core",
    "Sample": "synthkit.steps.sample",
    "Shuffle": "synthkit.steps.shuffle",
    "Sort": "synthkit.steps.sort",
    "Split": "synthkit.steps.split",
    "Template": "synthkit.steps.template",
    "TopK": "synthkit.steps.top_k",
}

__all__ = [
    "BalanceBy",
    "Drop",
    "Each",
    "Embed",
    "Expand",
    "Flatten",
    "Fork",
    "Gather",
    "Group",
    "Keep",
    "Limit",
    "Loop",
    "Map",
    "Prompt",
    "Rename",
    "Repeat",
    "Route",
    "Sample",
    "Shuffle",
    "Sort",
    "Split",
    "Template",
    "TopK",
]
__getattr__ = exports(__name__, _MODULES)
