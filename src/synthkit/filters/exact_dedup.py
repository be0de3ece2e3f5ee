"""ExactDedup: drops records that say the same as an earlier one."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from synthkit.core import IO, DatasetStep, Have, View
from synthkit.core.values import digest
from synthkit.errors import PipelineError
from synthkit.filters._dedup import SHORT, decided
from synthkit.filters._text import normal

if TYPE_CHECKING:
    import polars as pl


class ExactDedup(DatasetStep):
    """Drops a record whose columns equal those of an earlier one: `ExactDedup("instruction", "input")`.

    The first in source order stays. Texts, also those inside lists and mappings, are compared in Unicode's
    compatibility form (NFKC: a ligature is its letters, a full-width letter the plain one).

    columns: what is compared, one column at least; all of them must be equal. lower: upper and lower case are the same.
    strip: white space at the ends does not count, and any run of it is one space. With `lower` and `strip` both off,
    texts must be the same character by character (NFC).

    Reason «duplicate»; the detail names the record that stayed by the start of its id.

    Example:
        (
            Pipeline("example")
            >> Rows([{"text": "One two."}, {"text": "one  two."}, {"text": "Three."}])
            >> ExactDedup("text")
        )
    """

    columns: tuple[str, ...] = ()
    lower: bool = True
    strip: bool = True

    def __init__(self, *columns: str | Sequence[str], **parameters: Any) -> None:
        if columns:
            flat = [name for given in columns for name in ([given] if isinstance(given, str) else given)]
            parameters["columns"] = flat
        super().__init__(**parameters)

    def io(self, have: Have) -> IO:
        if not self.columns:
            raise PipelineError("it compares no column: name some, as in ExactDedup('instruction', 'input')")
        return IO.of(reads=self.columns)

    def sketch(self, frame: "pl.DataFrame") -> "pl.DataFrame":
        import polars as pl

        rows = frame.select(self.columns).iter_rows()
        hashes = [bytes.fromhex(digest([self._normal(text) for text in row], size=16)) for row in rows]
        return pl.DataFrame({"_id": frame["_id"], "hash": hashes}, schema={"_id": pl.String, "hash": pl.Binary})

    def _normal(self, text: str | None) -> Any:
        """The value behind a JSON text, in the form that is compared."""
        return None if text is None else self._value(json.loads(text))

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            loose = self.lower or self.strip
            return normal(value, form="NFKC" if loose else "NFC", lower=self.lower, strip=self.strip)
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if isinstance(value, dict):
            return {key: self._value(item) for key, item in value.items()}
        return value

    def resolve(self, view: View) -> "pl.DataFrame":
        first = {hash: id for id, hash in view.kept.iter_rows()}
        details = dict[str, str]()
        for id, hash in view.new.iter_rows():
            stays = first.setdefault(hash, id)
            if stays != id:
                details[id] = f"same as {stays[:SHORT]}"
        return decided(view.new["_id"].to_list(), details, "duplicate")
