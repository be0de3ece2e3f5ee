"""Instances of JSON schemas, filled by type, bounds and what the names of fields mean."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from synthkit.providers.demo import fields, imitation
from synthkit.providers.demo.dice import Dice
from synthkit.providers.demo.item import Item
from synthkit.providers.demo.roles import Role, role_of
from synthkit.providers.demo.scene import Scene
from synthkit.providers.demo.tasks import wanted

Schema: TypeAlias = Mapping[str, Any] | bool

DEEP = 5
"""From this depth on, the shortest way out of a recursive schema is taken."""
TOO_DEEP = 40
MOST = 4000
"""Values of one instance; beyond them only what must be there is filled."""


class Filler:
    """Fills one schema for one prompt."""

    def __init__(self, dice: Dice, scene: Scene, root: Schema) -> None:
        self.dice, self.scene = dice, scene
        self.root: Any = dict(root) if isinstance(root, Mapping) else root
        self.left = MOST
        self.kinds = wanted(scene.ask)
        self.manner = imitation.manner(scene)

    def fill(self) -> Any:
        """An instance; None where the schema is none."""
        return self.make(self.root, "", 0, Item(self.dice, self.scene, False, self.kinds))

    def make(self, schema: Schema, name: str, depth: int, item: Item) -> Any:
        """A value for a field of this name."""
        self.left -= 1
        if not isinstance(schema, dict) or depth > TOO_DEEP:
            return fields.text(item, name, "", "") if schema is True and depth <= TOO_DEEP else None
        schema = self.plain(schema, depth)
        if "const" in schema:
            return schema["const"]
        options = schema.get("enum")
        if isinstance(options, list) and options:
            return fields.option(item, options, name, str(schema.get("description", "")))
        for key in ("anyOf", "oneOf"):
            branches = schema.get(key)
            if isinstance(branches, list) and branches:
                return self.make(self.branch(branches, depth), name, depth + 1, item)
        return self.typed(self.kind(schema, depth), schema, name, depth, item)

    def plain(self, schema: Mapping[str, Any], depth: int) -> Mapping[str, Any]:
        """The schema with references followed and `allOf` merged."""
        for _ in range(20):
            if self.left < 0:
                break
            if "$ref" in schema:
                beside = {key: value for key, value in schema.items() if key != "$ref"}
                target = self.resolved(str(schema["$ref"]))
                schema = {**target, **beside} if isinstance(target, dict) else beside
            elif isinstance(schema.get("allOf"), list) and depth <= TOO_DEEP:
                schema = self.merged(schema, depth)
            else:
                break
        return schema

    def merged(self, schema: Mapping[str, Any], depth: int) -> Mapping[str, Any]:
        self.left -= 1
        made = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema["allOf"]:
            part = self.plain(part, depth + 10) if isinstance(part, dict) and "allOf" not in part else part
            for key, value in part.items() if isinstance(part, dict) else ():
                if key == "properties" and isinstance(made.get(key), dict):
                    value = {**made[key], **value}
                elif key == "required" and isinstance(made.get(key), list):
                    value = [*made[key], *value]
                made[key] = value
        return made

    def resolved(self, ref: str) -> Any:
        found: Any = self.root
        for part in filter(None, ref.removeprefix("#").split("/")):
            part = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and part in found:
                found = found[part]
            elif isinstance(found, list) and part.isdecimal() and int(part) < len(found):
                found = found[int(part)]
            else:
                return {}
        return found

    def branch(self, branches: Sequence[Schema], depth: int) -> Schema:
        full = [b for b in branches if not (isinstance(b, dict) and b.get("type") == "null")]
        if depth >= DEEP or self.left < 0:
            return min(branches, key=lambda b: (b != {"type": "null"}, "$ref" in str(b)[:2000], len(str(b)[:2000])))
        if len(full) < len(branches) and (not full or self.dice.chance(0.15)):
            return {"type": "null"}
        return self.dice.pick(full)

    def kind(self, schema: Mapping[str, Any], depth: int) -> str:
        """The type to make; guessed where the schema names none."""
        kind = schema.get("type")
        if isinstance(kind, Sequence) and not isinstance(kind, str) and kind:
            full = [k for k in kind if k != "null"]
            scarce = depth >= DEEP and "null" in kind
            return "null" if scarce or not full or (len(full) < len(kind) and self.dice.chance(0.15)) else full[0]
        if isinstance(kind, str):
            return kind
        if "properties" in schema or "required" in schema:
            return "object"
        if "items" in schema or "prefixItems" in schema:
            return "array"
        return "number" if {"minimum", "maximum", "multipleOf"} & set(schema) else "string"

    def typed(self, kind: str, schema: Mapping[str, Any], name: str, depth: int, item: Item) -> Any:
        match kind:
            case "object":
                return self.object(schema, depth, item)
            case "array":
                return self.array(schema, name, depth, item)
            case "integer" | "number":
                return fields.number(item, schema, name, kind == "integer")
            case "boolean":
                return fields.truth(item, name, str(schema.get("description", "")))
            case "null":
                return None
        return fields.string(item, schema, name)

    def object(self, schema: Mapping[str, Any], depth: int, item: Item) -> dict[str, Any]:
        parts = schema.get("properties")
        parts = parts if isinstance(parts, dict) else {}
        item = self.item_for(parts, item)
        required = schema.get("required")
        required = [str(name) for name in required] if isinstance(required, list) else list(parts)
        scarce = depth >= DEEP or self.left < 0
        made: dict[str, Any] = {}
        kept = {name: part for name, part in parts.items() if name in required or not scarce}
        shown = self.manner.example(self.dice, kept) if self.manner and kept else None
        for name in self.order(kept):
            part = kept[name]
            if shown is not None and name in shown and fields.fits(shown[name], part):
                made[name] = shown[name]
            elif name in required or self.dice.chance(0.9):
                made[name] = self.make(part, name, depth + 1, item)
        for name in required:
            if name not in made:
                made[name] = fields.text(item, name, "", "")
        made = {name: made[name] for name in [*parts, *required] if name in made}
        self.more(schema, made, depth, item)
        return made

    def order(self, parts: Mapping[str, Any]) -> list[str]:
        """Labels are thrown before what they are about."""
        return sorted(parts, key=lambda name: role_of(name) != "label")

    def more(self, schema: Mapping[str, Any], made: dict[str, Any], depth: int, item: Item) -> None:
        """Further fields, where a mapping is wanted rather than an object."""
        extra = schema.get("additionalProperties")
        least = schema.get("minProperties", 0)
        if made and least <= len(made):
            return
        if (isinstance(extra, dict) and depth < DEEP) or least > len(made):
            wish = min(max(int(least), 2), int(schema.get("maxProperties", 50)), 50)
            for _ in range(10 * wish):
                if len(made) >= wish:
                    break
                key = self.dice.fill("{noun}").replace(" ", "_")
                made.setdefault(key, self.make(extra if isinstance(extra, dict) else True, key, depth + 1, item))

    def item_for(self, parts: Mapping[str, Any], item: Item) -> Item:
        """A new item where an object brings an instruction of its own, or a label and a text it belongs to."""
        roles = {name: _role(name, part) for name, part in parts.items()}
        tasks = [name for name, role in roles.items() if role == "instruction"]
        if not tasks:
            loose = "label" in roles.values() and "input" in roles.values() and not item.scene.sections
            return self.item(fresh=True, place=item.place) if loose else item
        if item.revises(tasks[0]):
            return item
        asks = any(word in tasks[0].lower() for word in ("question", "problem", "query"))
        return self.item(fresh=True, question=asks or tasks[0].lower() == "q", place=item.place)

    def item(self, fresh: bool, question: bool = False, place: int = -1) -> Item:
        return Item(self.dice, self.scene, fresh, self.kinds, question, place)

    def array(self, schema: Mapping[str, Any], name: str, depth: int, item: Item) -> list[Any]:
        prefix = schema.get("prefixItems")
        made = [self.make(part, name, depth + 1, item) for part in prefix] if isinstance(prefix, list) else []
        part = schema.get("items", not made)
        if part is False:
            return made
        length = self.length(schema, depth)
        unique = schema.get("uniqueItems")
        for number in range(20 * length if unique else length - len(made)):
            if len(made) >= length:
                break
            value = self.make(
                part, name, depth + 1, Item(self.dice, self.scene, item.fresh, self.kinds, item.question, number)
            )
            if not (unique and value in made):
                made.append(value)
        return made

    def length(self, schema: Mapping[str, Any], depth: int) -> int:
        least = min(int(schema.get("minItems", 0)), 500)
        most = int(schema.get("maxItems", 500))
        if depth >= DEEP or self.left < 0:
            return least
        wish = self.scene.count(3) if depth <= 2 else self.dice.whole(1, 3)
        return max(least, min(most, wish))


def _role(name: str, part: Any) -> Role:
    description = str(part.get("description", "")) if isinstance(part, dict) else ""
    if isinstance(part, dict) and part.get("type") in ("integer", "number", "boolean"):
        return ""
    return role_of(name, description)
