"""The journal's key: what a request is, and nothing else, decides it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from synthkit.core import Request

TEXT = st.text(max_size=20)
MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": TEXT}), max_size=3
)
OPTIONS = st.dictionaries(st.sampled_from(["temperature", "top_p", "max_tokens"]), st.integers(0, 9) | st.floats(0, 2))
REQUESTS = st.builds(Request, TEXT, TEXT, MESSAGES, OPTIONS, st.none() | st.just({"type": "object"}), TEXT)


@given(REQUESTS, TEXT)
def test_equal_requests_have_equal_keys(request: Request, sample: str) -> None:
    turned = request.replaced(
        options=dict(reversed(request.options.items())),
        messages=[dict(reversed(message.items())) for message in request.messages],
    )
    assert request.key(sample) == turned.key(sample)
    assert len(request.key(sample)) == 16


@given(REQUESTS, REQUESTS, TEXT, TEXT)
def test_other_requests_and_samples_have_other_keys(one: Request, other: Request, sample: str, another: str) -> None:
    assert (one.key(sample) == other.key(sample)) == (one.canonical == other.canonical)
    assert (one.key(sample) == one.key(another)) == (sample == another)


@given(REQUESTS, st.sampled_from(["provider", "model", "endpoint"]))
def test_each_field_counts(request: Request, field: str) -> None:
    changed: dict[str, Any] = {field: getattr(request, field) + "x"}
    assert request.replaced(**changed).key("") != request.key("")
