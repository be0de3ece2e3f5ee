"""What models refuse: wishes are dropped, kept in mind and found again offline; demands are told to the user."""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest
from calls_kit import calls, context, outcome

import synthkit as sk
from synthkit.core import Reply as Read
from synthkit.core import Request
from synthkit.errors import BadRequest, ConfigError, FatalError, JournalError, OptionRefused, PipelineError
from synthkit.models.learned import Learned
from synthkit.models.project import find_project
from synthkit.models.question import Question
from synthkit.models.service import Services
from synthkit.plugins import registry
from synthkit.testing import ApiError, LoopbackServer, Reply, fresh

Serve = Callable[..., LoopbackServer]


def refusing(**values: Any) -> Callable[[Any], Any]:
    """A model that takes none of these options, or only these values of them; else it never says a thing twice."""

    def answer(request: Any) -> Any:
        for name, only in values.items():
            if name in request.body and request.body[name] != only:
                text = f"Unsupported value: '{name}' does not support {request.body[name]} with this model."
                return Reply(error=ApiError(400, text, param=name, code="unsupported_value"))
        return fresh(request)

    return answer


@sk.generator(writes="n")
def numbers(top: int = 3) -> Any:
    for n in range(top):
        yield {"n": n}


class Wild(sk.Prompt):
    """Asks about n, and wishes it wild."""

    template = "Number {{ n }}"
    wishes: ClassVar[Any] = {"temperature": 0.9, "top_p": 0.5}


class Cold(sk.Prompt):
    """Asks about n once more, in another way."""

    template = "Again {{ n }}"
    into: str = "again"
    wishes: ClassVar[Any] = {"temperature": 1.0}


def test_a_wish_that_is_refused_is_dropped_told_and_found_again_offline(serve: Serve, project: Path) -> None:
    server = serve(answer=refusing(temperature=None))
    pipeline = sk.Pipeline("p") >> numbers >> Wild("m")
    first = pipeline.run(concurrency=1)
    assert first.status == "complete" and len(first.accepted) == 3
    # the first call was refused, and the next one, which was waiting for its slot; then all knew
    assert [r.body.get("temperature") for r in server.requests] == [0.9, 0.9, None, None, None]
    assert [r.body.get("top_p") for r in server.requests] == [0.5] * 5
    state = json.loads((first.folder / "run.json").read_text())
    assert state["dropped_wishes"] == {"m": ["temperature"]}
    assert json.loads((project / ".synthkit" / "refused.json").read_text()) == {"openai/m at loop": ["temperature"]}
    again = pipeline.run(offline=True)
    assert [dict(r) for r in again.accepted] == [dict(r) for r in first.accepted]
    assert server.count == 5
    # other records ask without it from the start
    assert len((sk.Pipeline("p") >> numbers(top=5) >> Wild("m")).run().accepted) == 5
    assert server.count == 7 and server.by_fault == {"unsupported_value": 2}


def test_what_was_answered_before_a_refusal_is_found_again(serve: Serve, project: Path) -> None:
    """A service may refuse one value and take another: what it did answer stays where it was."""
    server = serve(answer=refusing(temperature=1.0))
    pipeline = sk.Pipeline("p") >> numbers >> Cold("m") >> Wild("m")
    first = pipeline.run(concurrency=1)
    asked = [(r.body["messages"][0]["content"][:5], r.body.get("temperature")) for r in server.requests]
    assert ("Again", 1.0) in asked and ("Numbe", 0.9) in asked and ("Numbe", None) in asked
    count = server.count
    second = pipeline.run(offline=True)
    assert [dict(r) for r in second.accepted] == [dict(r) for r in first.accepted]
    assert pipeline.run(concurrency=64).accepted == second.accepted
    assert server.count == count


def test_many_at_once_learn_the_same_and_lose_nothing(serve: Serve, project: Path) -> None:
    server = serve(answer=refusing(temperature=None, top_p=None), latency=(0.0, 0.02))
    pipeline = sk.Pipeline("p") >> numbers(top=100) >> Wild("m")
    first = pipeline.run(concurrency=32)
    assert first.status == "complete" and len(first.accepted) == 100
    assert server.answered == 100 and server.count <= 100 + 2 * 64
    assert json.loads((project / ".synthkit" / "refused.json").read_text()) == {
        "openai/m at loop": ["temperature", "top_p"]
    }
    assert [dict(r) for r in pipeline.run(offline=True).accepted] == [dict(r) for r in first.accepted]
    assert server.answered == 100


def test_a_demand_that_is_refused_stops_the_run_with_the_words_of_the_service(serve: Serve, project: Path) -> None:
    server = serve(answer=refusing(temperature=None))

    async def main(**options: Any) -> Any:
        async with calls(project) as models:
            return await outcome(context(models).ask("m", "Hello", **options))

    error = asyncio.run(main(temperature=0.3, wishes={"temperature": 0.9}))
    assert type(error) is FatalError
    assert str(error).startswith("m does not take temperature: leave it out; 127.0.0.1:")
    assert "Unsupported value: 'temperature' does not support 0.3 with this model." in str(error)
    with (project / "synthkit.toml").open("a") as file:
        file.write("temperature = 0.4\n")
    assert "does not support 0.4" in str(asyncio.run(main(wishes={"temperature": 0.9})))
    assert server.count == 2
    # both values are known to be refused now: the check says so, and another value may be tried
    assert "m has refused temperature=0.4" in str(asyncio.run(main()))
    assert "does not support 0.5" in str(asyncio.run(main(temperature=0.5)))
    assert server.count == 3


def test_a_service_that_refuses_what_it_was_not_sent_is_a_bad_request(serve: Serve, project: Path) -> None:
    told = ApiError(400, "No top_p.", param="top_p", code="unsupported_parameter")
    server = serve(answer=lambda request: Reply(error=told))

    async def main() -> Any:
        async with calls(project) as models:
            return await outcome(context(models).ask("m", "Hello", wishes={"temperature": 0.9}))

    assert type(asyncio.run(main())) is BadRequest
    assert server.count == 1


# what is known of a model before anything is asked


def question(**more: Any) -> Question:
    return Question("Hello", **more)


def service(project: Path, ref: str) -> Any:
    return Services(find_project(project), registry().provider)[ref]


@pytest.mark.parametrize("ref", ["openai/gpt-5-mini", "openai/o3", "openai-responses/gpt-5-mini"])
def test_wishes_that_a_reasoning_model_does_not_take_are_dropped(project: Path, ref: str) -> None:
    made = service(project, ref)
    request = made.request(question(wishes={"temperature": 0.9, "top_p": 0.5, "reasoning_effort": "low"}))
    assert request.options == {"max_tokens": 2048, "reasoning_effort": "low"}
    assert made.refused == {"temperature", "top_p"}


def test_wishes_that_do_not_go_together_with_others_are_dropped(project: Path) -> None:
    made = service(project, "openai/gpt-5.1")
    assert made.request(question(wishes={"temperature": 0.9})).options["temperature"] == 0.9
    wish = question(wishes={"temperature": 0.9}, options={"reasoning_effort": "high"})
    assert made.request(wish).options == {"max_tokens": 2048, "reasoning_effort": "high"}
    assert made.refused == {"temperature"}
    other = question(wishes={"reasoning_effort": "high"}, options={"temperature": 0.9})
    assert made.request(other).options == {"max_tokens": 2048, "temperature": 0.9}
    quiet = question(wishes={"temperature": 0.9}, options={"reasoning_effort": "none"})
    assert service(project, "openai/gpt-5.6-sol").request(quiet).options["temperature"] == 0.9


@pytest.mark.parametrize(
    ("ref", "options", "said"),
    [
        (
            "openai/gpt-5-mini",
            {"temperature": 0.5},
            "openai/gpt-5-mini does not take temperature: leave it out; it takes",
        ),
        ("openai/gpt-4o", {"reasoning_effort": "low"}, "openai/gpt-4o does not take reasoning_effort: leave it out"),
        ("openai/gpt-4o", {"top_k": 20}, "openai/gpt-4o does not take top_k: leave it out"),
        (
            "openai/gpt-5.1",
            {"temperature": 0.5, "reasoning_effort": "high"},
            "openai/gpt-5.1 does not take temperature (beside reasoning_effort='high'): leave it out",
        ),
        ("openai/gpt-5.6-sol", {"top_p": 0.5}, "openai/gpt-5.6-sol does not take top_p: leave it out"),
        ("openai-responses/gpt-4o", {"n": 2}, "openai-responses/gpt-4o takes no option 'n': it takes extra"),
        (
            "openai/gpt-5",
            {"reasoning_effort": "huge"},
            "openai/gpt-5 takes no reasoning_effort 'huge': give one of none",
        ),
        (
            "openai/gpt-4o",
            {"extra": {"stream": True}},
            "`extra` cannot set stream, which openai/gpt-4o is told otherwise",
        ),
        ("openai/gpt-4o", {"extra": [1]}, "openai/gpt-4o: extra=[1] must be a mapping of JSON values by names"),
        ("openai/gpt-4o", {"extra": {"x": {1}}}, "openai/gpt-4o: extra={'x': {1}} must be a mapping of JSON values"),
        ("openai/gpt-4o", {"n": 0}, "openai/gpt-4o: n=0 must be a whole number from 1 to 128"),
        ("openai/gpt-4o", {"logprobs": 1}, "openai/gpt-4o: logprobs=1 must be true or false"),
        ("openai/gpt-4o", {"seed": 0.5}, "openai/gpt-4o: seed=0.5 must be a whole number"),
    ],
)
def test_a_demand_that_a_model_does_not_take_is_refused_by_the_check(
    project: Path, ref: str, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        service(project, ref).request(question(options=options))
    assert str(caught.value).startswith(said)
    if options.get("extra") not in ([1], {"x": {1}}):  # no parameters that can be recorded
        with pytest.raises(PipelineError) as told:
            (sk.Pipeline("p") >> numbers >> sk.Prompt(ref, template="x", options=options)).run()
        assert f"prompt: {said}" in str(told.value)


def test_a_demand_in_synthkit_toml_is_refused_with_its_place(project: Path) -> None:
    (project / "synthkit.toml").write_text('[models.m]\nuse = "openai/gpt-5"\ntemperature = 0.5\n')
    with pytest.raises(ConfigError, match=r"m does not take temperature \(its table in synthkit.toml\): leave it out"):
        service(project, "m").request(question())
    assert (
        "temperature" not in service(project, "openai/gpt-5").request(question(options={"temperature": None})).options
    )


def test_what_a_question_costs_at_most_counts_its_answers_and_its_images(project: Path) -> None:
    (project / "synthkit.toml").write_text(
        '[models.m]\nuse = "openai/m"\nbase_url = "http://127.0.0.1:1/v1"\n[prices.m]\ninput = 1\noutput = 1\n'
    )
    made = service(project, "m")

    def worst(**more: Any) -> int:
        return int(made.worst(made.request(question(**more))) * 1_000_000)

    assert worst(options={"n": 3}) - worst(options={"n": 1}) == 2 * 2048
    picture = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{'A' * 1_000_000}"}}]
    shown = Request("openai", "m", [{"role": "user", "content": picture}], {"max_tokens": 1})
    assert 50_000 < int(made.worst(shown) * 1_000_000) < 51_000


# the file


def test_what_several_processes_learn_at_once_is_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "refused.json"
    each = [Learned(path) for _ in range(20)]

    def add(number: int) -> None:
        each[number].add(f"m{number % 3}", f"option{number}")

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(add, range(20)))
    known = Learned(path)
    assert [len(known.options(f"m{n}")) for n in range(3)] == [7, 7, 6]
    assert [p.name for p in path.parent.iterdir() if "lock" not in p.name] == ["refused.json"]
    assert path.read_text() == json.dumps(json.loads(path.read_text()), indent=1)


def test_what_is_known_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "refused.json"
    learned = Learned(path)
    learned.add("m", "temperature")
    path.unlink()
    learned.add("m", "temperature")
    assert not path.exists() and learned.options("m") == {"temperature"} and learned.options("n") == frozenset()


@pytest.mark.parametrize("content", ["{", "[]", '{"m": "temperature"}', '{"m": 3}', "null", "\udcff"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "refused.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(
        JournalError, match=r"refused\.json cannot be read \(\w+\): it says which options models refuse"
    ):
        Learned(path)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    learned = Learned(tmp_path / "no" / "refused.json")
    (tmp_path / "no").write_text("")
    with pytest.raises(JournalError, match=r"refused\.json cannot be written: "):
        learned.add("m", "temperature")


def test_refusals_are_bad_requests_with_the_option() -> None:
    error = OptionRefused("no", option="top_p")
    assert isinstance(error, BadRequest) and error.option == "top_p" and Read("x").text == "x"
