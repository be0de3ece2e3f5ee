"""A pilot and what is reckoned from it: nothing is paid twice, and all that the records did is counted."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from engine_kit import Ask, even, forever, numbers

import synthkit as sk
from synthkit.engine.estimate import Estimate, estimate
from synthkit.engine.sidebyside import compare
from synthkit.filters import ExactDedup
from synthkit.judges import Rubric
from synthkit.steps import TopK
from synthkit.testing import ERRORS, LoopbackServer, Reply, Request, fresh

Serve = Callable[..., LoopbackServer]


class Many(sk.Prompt):
    """Several answers to one question, as many as the number is long."""

    template = "Several about {{ n }}"

    def io(self, have: sk.Have) -> sk.IO:
        return sk.IO.of(["n"], ["said"], fans_out=True)

    def read(self, answer: sk.Answer, record: sk.Record) -> Any:
        return [{"said": f"{answer.text} {k}"} for k in range(1 + record["n"] % 3)]


@sk.filter(reads={"n": int})
def never(record: sk.Record) -> Any:
    """Drops all."""
    return False, "never"


def judged(request: Request) -> Reply:
    """Texts of some length, and scores; dearer and better from the model «b»."""
    dice = Random(request.digest)
    if request.schema is None:
        return Reply(text=f"{request.prompt}: " + "word " * dice.randint(40, 60) * (4 if request.model == "b" else 1))
    return Reply(text=json.dumps({"rationale": "So.", "score": dice.choice([3, 4, 4, 5])}))


def price(project: Path, *models: str, batch: bool = False) -> None:
    """Gives models a price of one dollar for a million tokens in, two out."""
    halves = "batch_input = 0.5\nbatch_output = 1.0\n" if batch else ""
    with (project / "synthkit.toml").open("a") as file:
        for model in models:
            file.write(f"[prices.{model}]\ninput = 1.0\noutput = 2.0\n{halves}")


def judging(model: str = "m", least: float = 4) -> sk.Pipeline:
    return (
        sk.Pipeline("judging", target=60) >> forever() >> Ask(model) >> Rubric("judge", reads=["text"]).at_least(least)
    )


@pytest.mark.parametrize("target", [500, 40, 6])
@pytest.mark.parametrize("fans_out", [False, True])
def test_nothing_is_paid_twice(serve: Serve, target: int, fans_out: bool) -> None:
    server = serve(answer=fresh)
    parts = (forever(), Many("m"), even(), Ask("m")) if fans_out else (forever(), even(), Ask("m"))
    pipeline = sk.Pipeline("p", target, parts)
    made = pipeline.estimate()
    pilot = server.count
    assert made.run is not None and made.problem == "" and made.spent.asked == pilot > 0
    again = pipeline.estimate()
    assert server.count == pilot, "the same pilot asks nothing"
    assert again.run is not None and again.run.total == made.run.total and made.steps == again.steps
    result = pipeline.run()
    whole = sum(count.spent.asked for count in result.tally.values())
    assert server.count - pilot == whole - pilot, "the run's calls are all of them without the pilot's"
    other = pipeline.run(seed=1)
    assert server.count - whole == sum(count.spent.asked for count in other.tally.values()), "of another seed, all"


def test_what_the_run_does_is_within_the_intervals(serve: Serve, project: Path) -> None:
    serve("m", "judge", answer=judged)
    price(project, "m", "judge", batch=True)
    made = judging().estimate(32)
    run = made.run
    assert run is not None and run.total.dollars is not None and run.total.batch is not None
    result = judging().run()
    spent = [count.spent for count in result.tally.values()]
    cost = sum(float(one.cost) for one in spent)
    assert run.total.dollars.low * 0.9 <= cost <= run.total.dollars.high * 1.1
    calls = sum(one.asked for one in spent)
    assert run.total.calls.low * 0.9 <= calls <= run.total.calls.high * 1.1
    assert run.total.batch.value == pytest.approx(run.total.dollars.value / 2)
    assert list(run.models) == ["m", "judge"] and run.accepted.value == 60
    assert run.seconds is not None and run.seconds.low <= run.seconds.value <= run.seconds.high


def test_each_step_and_score_is_counted(serve: Serve, project: Path) -> None:
    serve("m", "judge", answer=judged)
    price(project, "m", "judge")
    made = judging().estimate()
    ask, rubric, gate = made.steps
    assert [step.label for step in made.steps] == ["ask", "rubric", "rubric/at-least"]
    assert (ask.seen, ask.out, rubric.seen, gate.seen) == (16, 16, 16, 16)
    assert gate.out + gate.dropped == 16 and 0 < gate.dropped < 16
    score, number = made.scores["score"]
    assert number == 16, "dropped records have been scored, too"
    assert 3 <= score.low <= score.value <= score.high <= 5
    assert made.rate is not None and made.rate.value == gate.out / 16
    assert made.unbatched == ["judge", "m"] and made.unpriced == []
    assert made.run is not None and made.run.total.batch is None and made.run.total.dollars is not None


def test_without_a_price_all_else_is_told(serve: Serve) -> None:
    serve(answer=fresh)
    made = (sk.Pipeline("p", 50) >> forever() >> Ask("m")).estimate()
    assert made.unpriced == ["m"] and made.run is not None
    assert made.run.total.dollars is None and made.run.dollars_each is None
    assert made.run.total.input.value > 0 and made.run.calls_each.value == pytest.approx(1, abs=0.2)


def test_where_none_is_accepted_no_total_is_given(serve: Serve) -> None:
    server = serve(answer=fresh)
    made = (sk.Pipeline("p", 50) >> forever() >> Ask("m") >> never()).estimate()
    assert made.failed and made.barren and made.run is None and server.count == 16
    assert made.most == pytest.approx(3 / 16)
    assert made.rate is not None and (made.rate.value, made.rate.low) == (0, 0)


def test_a_generator_with_fewer_records_bounds_the_run(serve: Serve) -> None:
    serve(answer=fresh)
    few = (sk.Pipeline("p", 50) >> numbers(top=9) >> Ask("m")).estimate()
    assert (few.records, few.available) == (9, 9)
    assert few.run is not None and few.run.sources.high == 9 and few.run.accepted.high <= 9
    some = (sk.Pipeline("p", 500) >> numbers(top=120) >> Ask("m")).estimate()
    assert (some.records, some.available) == (16, 120)
    assert some.run is not None and some.run.sources.value == 120 and some.run.accepted.value <= 120
    whole = (sk.Pipeline("p") >> numbers(top=40) >> even() >> Ask("m")).estimate()
    assert whole.run is not None and whole.run.sources.low == whole.run.sources.high == 40
    assert whole.run.accepted.low < 20 < whole.run.accepted.high


def test_steps_at_the_end_and_over_all_are_named(serve: Serve) -> None:
    serve("m", "judge", answer=judged)
    chain = (forever(), Ask("m"), ExactDedup("n"), Rubric("judge", reads=["text"]), TopK(20, of=100))
    pipeline = sk.Pipeline("p", 20, chain)
    made = pipeline.estimate()
    assert [step.label for step in made.steps if step.sees_all] == ["exact-dedup", "top-k"]
    assert made.ends == ["top-k"] and made.run is not None
    assert made.run.sources.low >= 100, "five candidates for each record are wanted"
    assert made.run.accepted.value == 20


def test_shared_answers_are_paid_once(serve: Serve) -> None:
    server = serve(answer=fresh)

    made = (sk.Pipeline("p", 100) >> numbers(top=200) >> Same("m")).estimate()
    assert server.count == 1 and made.run is not None
    assert made.run.total.calls.value < 20


class Same(sk.Prompt):
    """The same question for all."""

    template = "Anything?"
    share = True
    into = "same"


def test_the_budget_is_the_pilots(serve: Serve, project: Path) -> None:
    server = serve(answer=fresh)
    price(project, "m")
    made = (sk.Pipeline("p", 500) >> forever() >> Ask("m")).estimate(budget="0.0046", concurrency=1)
    assert made.failed and made.run is None and 0 < server.count < 16
    assert "budget of $0.0046" in made.problem and "--budget" in made.problem and "resume" not in made.problem
    assert made.short and Decimal(0) < made.paid.cost <= Decimal("0.0046")


def test_times_are_of_calls_not_of_the_journal(serve: Serve) -> None:
    serve(answer=fresh, latency=0.05)
    pipeline = sk.Pipeline("p", 640) >> forever() >> Ask("m")
    first = pipeline.estimate().run
    assert first is not None and first.seconds is not None and first.seconds.low >= 640 * 0.05 / 64
    second = pipeline.estimate().run
    assert second is not None and second.seconds is None
    assert (second.timed, second.found, list(second.untimed)) == (0, 16, ["m"])
    more = pipeline.estimate(24).run
    assert more is not None and more.seconds is not None and more.seconds.low >= 640 * 0.05 / 64
    assert (more.timed, more.found, list(more.untimed)) == (8, 16, [])


def test_times_of_some_models_are_those_of_a_run_at_the_least(serve: Serve) -> None:
    serve("m", "judge", answer=judged, latency=0.05)
    chain = sk.Pipeline("p", 640) >> forever() >> Ask("m")
    whole = (chain >> Rubric("judge", reads=["text"])).estimate().run
    other = (chain >> Rubric("judge", reads=["text"], criteria="Be strict.")).estimate().run
    assert whole is not None and whole.seconds is not None and whole.untimed == []
    assert other is not None and other.seconds is not None
    assert (other.timed, other.found, list(other.untimed)) == (16, 16, ["m"])
    assert other.seconds.low >= 640 * 0.05 / 64


def test_retries_are_among_the_calls(serve: Serve) -> None:
    def rude(request: Request) -> Reply:
        return (
            Reply(error=ERRORS["server_error"]) if request.number % 2 == 0 and request.number < 30 else Reply(text="ok")
        )

    serve(answer=rude)
    made = (sk.Pipeline("p", 200) >> forever() >> Ask("m")).estimate(concurrency=4)
    assert made.paid.failed > 5 and made.run is not None
    assert made.run.total.calls.value > 200 * 1.25


@pytest.mark.parametrize("number", [0, -1, True, "x", 2.5])
def test_a_pilot_of_no_records_makes_no_sense(number: Any) -> None:
    with pytest.raises(sk.errors.ConfigError, match=f"a pilot of {number!r} records makes no sense: give 1 or more"):
        (sk.Pipeline("p", 5) >> forever()).estimate(number)


def test_models_side_by_side(serve: Serve, project: Path) -> None:
    server = serve("a", "b", "judge", answer=judged)
    with (project / "synthkit.toml").open("a") as file:
        file.write(f'[models.gone]\nuse = "openai/gone"\nbase_url = "{server.url}"\nendpoint = "loop"\n')
    price(project, "a", "b", "judge", "gone")

    def answer(request: Request) -> Reply:
        return Reply(error=ERRORS["model_not_found"]) if request.model == "gone" else judged(request)

    with LoopbackServer(answer) as other:
        text = (project / "synthkit.toml").read_text().replace(server.url, other.url)
        (project / "synthkit.toml").write_text(text)
        made = compare(["gone", "b", "a"], judging, target=60)
    assert [row.model for row in made.rows] == ["a", "b", "gone"] and not made.failed
    assert "no model 'gone'" in made.rows[2].problem and not any(row.problem for row in made.rows[:2])
    assert made.rivals == [] and made.same, "four times the words cost four times as much"
    first, second = (row.made for row in made.rows[:2])
    assert first is not None and second is not None and first.ids == second.ids
    assert first.run is not None and second.run is not None
    assert first.run.tokens_each.value < second.run.tokens_each.value
    json.dumps(made.form(), default=list)


def test_what_is_wrong_with_any_model_is_told_before_one_is_asked(serve: Serve, project: Path) -> None:
    server = serve("alpha", "judge", answer=judged)
    with (project / "synthkit.toml").open("a") as file:
        file.write('[models.keyless]\nuse = "openai/k"\napi_key_env = "NO_SUCH_KEY"\n')
    with pytest.raises(sk.errors.PipelineError) as told:
        compare(["alpha", "alhpa", "opnai/gpt-5-mini", "keyless"], judging, target=60)
    first, second, third = told.value.problems
    assert "no model is called 'alhpa'" in first and first.endswith("did you mean 'alpha'?")
    assert "did you mean 'openai'?" in second and "set NO_SUCH_KEY in the environment" in third
    with pytest.raises(sk.errors.PipelineError, match="alpha has no known price"):
        compare(["alpha"], judging, target=60, budget=1)
    assert server.count == 0


@pytest.mark.parametrize("target", [4, 60])
def test_what_cannot_be_told_apart_is_said(serve: Serve, project: Path, target: int) -> None:
    serve("a", "c", "judge", answer=judged)
    price(project, "a", "c", "judge")
    made = compare(["a", "c"], judging, target=target)
    assert len(made.rivals) == 1 and made.rivals[0] == made.rows[1].model
    for row in made.rows:
        assert row.made is not None and row.made.run is not None and row.made.run.dollars_each is not None
        each = row.made.run.dollars_each
        assert each.low < each.value < each.high, "however few records this run has"


def asking(model: str) -> sk.Pipeline:
    return sk.Pipeline("asking", 60) >> forever() >> Ask(model)


def costs(*models: str) -> list[Decimal]:
    """What the pilots of these models cost."""
    rows = {row.model: row for row in compare(models, asking, seed=1).rows}
    return [made.paid.cost for model in models if (made := rows[model].made) is not None]


LEAST = Decimal("0.0045")
"""The worst case of a call, and some."""


def test_a_budget_is_that_of_all_pilots(serve: Serve, project: Path) -> None:
    serve("a", "b", "c", answer=judged)
    price(project, "a", "b", "c")
    cheap, dear = costs("a", "b")
    share = (cheap + LEAST).quantize(Decimal("0.0001"))
    assert dear + LEAST > share
    made = compare(["b", "a", "c"], asking, budget=3 * share, concurrency=1)
    fine = {row.model for row in made.rows if not row.problem}
    assert fine == {"a", "c"} and made.rows[2].model == "b", "the first takes its part and leaves the others theirs"
    pilots = [row.made for row in made.rows if row.made is not None]
    assert 0 < pilots[2].paid.cost <= share and pilots[2].short
    assert sum(one.paid.cost + one.paid.most for one in pilots) <= 3 * share == made.budget
    assert re.fullmatch(
        rf"its share of \${share} is used up: \$\d\.\d{{4}} are spent, and the next call may cost \$\d\.\d{{4}}; "
        rf"{16 - pilots[2].records} of 16 source records are left out",
        made.rows[2].problem,
    )


def test_what_a_model_leaves_the_next_ones_may_take(serve: Serve, project: Path) -> None:
    serve("a", "b", answer=judged)
    price(project, "a", "b")
    cheap, dear = costs("a", "b")
    budget = cheap + dear + LEAST
    assert dear + LEAST > budget / 2
    made = compare(["a", "b"], asking, budget=budget, concurrency=1)
    assert [row.model for row in made.rows if not row.problem] == ["a", "b"]


def test_records_that_were_made_and_not_finished_are_left_out_too(serve: Serve, project: Path) -> None:
    serve("a", "judge", answer=judged)
    price(project, "a")
    with (project / "synthkit.toml").open("a") as file:
        file.write("[prices.judge]\ninput = 100.0\noutput = 100.0\n")

    def late(model: str) -> sk.Pipeline:
        return sk.Pipeline("late", 60) >> forever() >> Ask(model) >> ExactDedup("n") >> Rubric("judge", reads=["text"])

    made = compare(["a"], late, budget="0.05", concurrency=1).rows[0]
    assert made.made is not None and made.made.records == 16
    assert made.problem.startswith("its share of $0.0500 ")
    assert made.made.unfinished == 16 and made.problem.endswith("; 16 of 16 source records are left out")


def test_a_share_of_nothing_asks_nothing(serve: Serve, project: Path) -> None:
    server = serve("a", "b", "judge", answer=judged)
    price(project, "a", "b", "judge")
    made = compare(["a", "b"], judging, target=60, budget="0.0001")
    assert made.failed and server.count == 0
    assert made.rows[0].problem == "its share of the budget is less than $0.0001: give a larger --budget"


def test_who_looks_on_sees_whose_pilot_it_is(serve: Serve) -> None:
    serve("a", "b", answer=fresh)
    names: list[str] = []

    @contextmanager
    def watch(monitor: Any, control: Any) -> Iterator[None]:
        names.append(monitor.name)
        yield

    compare(["a", "b"], asking, 2, watch=watch)
    assert names == ["pilot of asking with a", "pilot of asking with b"]


def test_what_was_paid_and_what_was_found(serve: Serve, project: Path) -> None:
    serve(answer=fresh)
    price(project, "m")
    pipeline = sk.Pipeline("p", 500) >> forever() >> Ask("m")
    first = pipeline.estimate(4)
    assert first.paid.cost == first.spent.cost > 0 and first.found == 0
    second = pipeline.estimate(8)
    assert second.found == first.paid.cost and second.paid.cost == second.spent.cost - first.spent.cost > 0
    form = pipeline.estimate(8).form()
    assert (form["paid"]["cost"], form["found"]) == ("0", str(second.spent.cost))


def test_it_is_what_json_can_say(serve: Serve) -> None:
    serve(answer=fresh)
    made = (sk.Pipeline("p", 50) >> forever() >> Ask("m")).estimate(4)
    form = json.loads(json.dumps(made.form(), default=list))
    assert form["records"] == 4 and form["run"]["total"]["dollars"] is None
    assert form["steps"][0]["rate"]["low"] < 1
    assert isinstance(made, Estimate) and repr(made) == "<Estimate of p from 4 of 4 records>"


def test_unknown_settings_are_named() -> None:
    with pytest.raises(sk.errors.ConfigError, match=r"no setting 'budgett'; did you mean 'budget'\?"):
        estimate(sk.Pipeline("p", 5) >> forever(), budgett=3)
