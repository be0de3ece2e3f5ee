"""The demo model's answer to a request: what is wanted, and who writes it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from re import IGNORECASE, search
from typing import Any

from synthkit.core.answer import Request
from synthkit.errors import BadRequest
from synthkit.providers.demo import blocks, continuing, faults, imitation, item, jsons, judging, lists, tasks
from synthkit.providers.demo.brief import labels
from synthkit.providers.demo.dice import Dice
from synthkit.providers.demo.rates import CALLS, MALFORMED, REFUSALS
from synthkit.providers.demo.scene import Scene
from synthkit.providers.demo.schema import Filler

_GREETINGS = ("Hello! How can I help you?", "Good to hear from you. What would you like to know about {subject}?")


@dataclass(frozen=True, slots=True)
class Said:
    """An answer: its text, the words of a refusal, or calls of tools, each a name and its arguments as JSON."""

    text: str
    refusal: str = ""
    calls: tuple[tuple[str, str], ...] = ()


def reply(request: Request, dice: Dice) -> Said:
    """The answer to a request. It sees nothing but the messages, the schema and the tools."""
    scene = Scene(request.messages)
    if not scene.repair and dice.chance(REFUSALS):
        return Said("", dice.pick(faults.REFUSED))
    if _calls(request, dice):
        return Said("", calls=(_call(request, dice, scene),))
    if request.schema is not None:
        return Said(_json(dice, _filled(dice, scene, request.schema)))
    return Said(_by_json(dice, scene) or _by_form(dice, scene))


def _calls(request: Request, dice: Dice) -> bool:
    """Whether it calls a tool: where it must; else often, unless the last one has just answered."""
    if not request.tools or request.tool_choice == "none":
        return False
    answered = request.messages[-1]["role"] == "tool"
    return request.tool_choice != "auto" or (not answered and dice.chance(CALLS))


def _call(request: Request, dice: Dice, scene: Scene) -> tuple[str, str]:
    tools = {tool["function"]["name"]: tool["function"] for tool in request.tools}
    function = tools.get(request.tool_choice) or dice.pick(tuple(tools.values()))
    return function["name"], _json(dice, _filled(dice, scene, function.get("parameters") or {"type": "object"}))


def _filled(dice: Dice, scene: Scene, schema: Mapping[str, Any]) -> Any:
    try:
        return Filler(dice, scene, schema).fill()
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        raise BadRequest(f"the demo model cannot fill this schema ({error}): give a valid JSON schema") from error


def _json(dice: Dice, value: Any, lines: bool = False) -> str:
    if lines and isinstance(value, list):
        text = "\n".join(json.dumps(item, ensure_ascii=False) for item in value)
    else:
        text = json.dumps(value, ensure_ascii=False)
    return faults.malformed(dice, text) if dice.chance(MALFORMED) else text


def _by_json(dice: Dice, scene: Scene) -> str:
    """An answer in JSON, where the prompt shows a schema or examples, or asks for JSON; "" elsewhere."""
    quoted = [value for _, _, value in scene.values if jsons.is_schema(value)]
    said = jsons.wanted(scene.prose) or jsons.wanted(scene.system)
    if quoted and (said or len(quoted) == 1):
        return _json(dice, _filled(dice, scene, quoted[-1]))
    demos = scene.demos
    alike = len(demos) > 1 and len({tuple(demo) for demo in demos}) == 1
    if not said and not alike:
        return ""
    sketches = [value for _, _, value in scene.values if jsons.objects(value) and jsons.is_sketch(value)]
    if sketches:
        return _json(dice, _filled(dice, scene, _counted(scene, jsons.schema_of(sketches[-1]))))
    if not search(r"\bjson\b", f"{scene.ask}\n{scene.prose[-1500:]}", IGNORECASE) and not alike:
        return ""
    named = None if alike else jsons.sketched(f"{scene.system}\n{scene.prose}")
    if named is not None:
        return _json(dice, _filled(dice, scene, _many(scene, named)))
    if demos and (alike or _more(scene)):
        return _imitated(dice, scene, demos)
    if _answer_in_json(scene):
        return _json(dice, _filled(dice, scene, {"type": "object", "properties": {"answer": {"type": "string"}}}))
    return ""


def _imitated(dice: Dice, scene: Scene, demos: list[dict[str, Any]]) -> str:
    one = imitation.schema_for(demos)
    open_end = scene.text.rstrip().endswith(":") and not search(r"\b(?:array|list)\b", scene.ask, IGNORECASE)
    if open_end or _single(scene):
        return _json(dice, _filled(dice, scene, one))
    number = scene.count(3)
    array = {"type": "array", "items": one, "minItems": number, "maxItems": number}
    lines = bool(search(r"\bjson ?l(?:ines)?\b|\bper line\b|\beach line\b", scene.prose, IGNORECASE))
    return _json(dice, _filled(dice, scene, array), lines)


def _more(scene: Scene) -> bool:
    return bool(
        search(
            r"\b(?:more|new|similar|another|like (?:this|these)|such|generate|create|examples?)\b",
            scene.ask,
            IGNORECASE,
        )
    )


def _single(scene: Scene) -> bool:
    text = f"{scene.system}\n{scene.prose}"
    one = search(
        r"\b(?:a|an|one|single|1)(?: (?:more|new|valid|single|similar))* (?:json )?(?:object|example|entry|item|"
        r"record)\b",
        text,
        IGNORECASE,
    )
    return bool(one) and not search(r"\b(?:array|list|jsonl|lines?|objects)\b", text, IGNORECASE)


def _many(scene: Scene, one: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of an array where several objects are asked for."""
    text = f"{scene.system}\n{scene.prose}"
    if search(
        r"\b(?:array|list) of\b[^.\n]{0,60}\b(?:objects?|dicts?|items|entries)|\bJSON (?:array|list)\b|\bobjects\b",
        text,
        IGNORECASE,
    ):
        number = scene.count(3)
        return {"type": "array", "items": one, "minItems": number, "maxItems": number}
    return one


def _counted(scene: Scene, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return _many(scene, schema) if schema.get("type") == "object" and not _has_array(schema) else schema


def _has_array(schema: Mapping[str, Any]) -> bool:
    return any(part.get("type") == "array" for part in schema.get("properties", {}).values())


def _answer_in_json(scene: Scene) -> bool:
    """Whether JSON is the form of the answer rather than what the task is about."""
    form = (
        r"\b(?:respond|reply|answer|return|output)\b[^.\n]{0,50}\b(?:in|as|with|using|only|valid|a|"
        r"one)\b[^.\n]{0,20}\bjson\b"
    )
    return bool(search(form, scene.ask, IGNORECASE))


def _by_form(dice: Dice, scene: Scene) -> str:
    """An answer in the form that the prompt's end or its request asks for."""
    opened = lists.open_list(scene.text)
    if opened is not None:
        return lists.continued(dice, scene, opened)
    rest = blocks.unfinished(scene.text)
    if rest is not None and (rest.blocks or rest.known[-1].role):
        return continuing.continued(dice, scene, rest)
    if judging.wanted(scene):
        return judging.verdict(dice, scene)
    return _prose(dice, scene)


def _prose(dice: Dice, scene: Scene) -> str:
    """An answer to the last message, whatever it is."""
    asked = search(r"\b(yes or no|true or false|yes/no)\b", scene.ask, IGNORECASE)
    if asked and (item.is_question_of_class(scene.ask) or scene.answers):
        truth = item.decision(dice, scene.ask, scene)
        one, other = ("True", "False") if "true" in asked[1].lower() else ("Yes", "No")
        return one if truth else other
    if len(scene.text) < 25 and len(scene.text.split()) < 3 and scene.text.isascii() and "?" not in scene.text:
        return dice.line(_GREETINGS)
    one_item = item.Item(dice, scene, False)
    if scene.single and (found := item.wants_revision(scene)):
        return found(dice, scene)
    listed = lists.wanted(scene)
    if listed is not None and len(scene.text) < 6000:
        return lists.written(dice, scene, *listed)
    if options := labels(scene.ask) if search(r"\b(?:one of|choose|classify|label)\b", scene.ask, IGNORECASE) else ():
        known = tasks.closed(scene.instruction)
        return tasks.answer(dice, scene.instruction, scene.given) if known else item.choice(dice, scene, options)
    return one_item.output
