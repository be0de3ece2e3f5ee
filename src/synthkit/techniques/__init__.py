"""Techniques: components that carry the name of a paper or a pattern, and stand for several parts."""

from typing import TYPE_CHECKING

from synthkit.core.lazy import exports

if TYPE_CHECKING:
    from synthkit.techniques.classification import Classification as Classification
    from synthkit.techniques.evol_instruct import EvolInstruct as EvolInstruct
    from synthkit.techniques.few_shot import FewShot as FewShot
    from synthkit.techniques.passage_questions import PassageQuestions as PassageQuestions
    from synthkit.techniques.self_instruct import SelfInstruct as SelfInstruct

_MODULES = {
    "Classification": "synthkit.techniques.classification",
    "EvolInstruct": "synthkit.techniques.evol_instruct",
    "FewShot": "synthkit.techniques.few_shot",
    "PassageQuestions": "synthkit.techniques.passage_questions",
    "SelfInstruct": "synthkit.techniques.self_instruct",
}

__all__ = ["Classification", "EvolInstruct", "FewShot", "PassageQuestions", "SelfInstruct"]
__getattr__ = exports(__name__, _MODULES)
