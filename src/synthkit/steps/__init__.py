"""Steps: what turns a record into columns or records. Here are `Prompt`, and the composites, made of other steps."""

from typing import TYPE_CHECKING

from synthkit.core.lazy import exports

if TYPE_CHECKING:
    from synthkit.core import Each as Each
    from synthkit.core import Fork as Fork
    from synthkit.core import Loop as Loop
    from synthkit.core import Prompt as Prompt
    from synthkit.core import Repeat as Repeat
    from synthkit.core import Route as Route

_MODULES = {
    "Each": "synthkit.core",
    "Fork": "synthkit.core",
    "Loop": "synthkit.core",
    "Prompt": "synthkit.core",
    "Repeat": "synthkit.core",
    "Route": "synthkit.core",
}

__all__ = ["Each", "Fork", "Loop", "Prompt", "Repeat", "Route"]
__getattr__ = exports(__name__, _MODULES)
