"""Demonstrations over rounds, the prompt for more tasks, and the filters on what comes back."""

import asyncio
import json
from pathlib import Path

import pytest
from technique_kit import SEEDS, Past, Told, answered, checked, lines, needs_real_seeds, record

from synthkit.core import Have, Verdict
from synthkit.errors import InputError, PipelineError
from synthkit.techniques.self_instruct_seeds import read_seeds
from synthkit.techniques.self_instruct_tasks import UNSUITED, Demonstrations, MoreTasks, Suitable

TEN = [f"Seed task number {number}" for number in range(10)]


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return lines(tmp_path / "seeds.jsonl", *(json.dumps({"instruction": text}) for text in TEN))


def shown(generator: Demonstrations, round: Past) -> list[list[str]]:
    return [list(fields["demonstrations"]) for fields in generator.generate(round)]


def test_with_an_empty_pool_all_are_seeds(seeds: Path) -> None:
    for tasks in shown(Demonstrations(seeds=seeds), Past(0, 30)):
        assert len(set(tasks)) == 8 and set(tasks) <= set(TEN)


@pytest.mark.parametrize(("pool", "drawn"), [(1, 1), (2, 2), (50, 2)])
def test_with_a_pool_two_come_from_it(seeds: Path, pool: int, drawn: int) -> None:
    kept = [f"Kept {number}" for number in range(pool)]
    round = Past(64, 20, kept)
    for tasks in shown(Demonstrations(seeds=seeds), round):
        assert len(set(tasks)) == 8 and len(set(tasks) & set(kept)) == drawn
    assert round.tapped == ["novel"]
    assert list(Demonstrations(seeds=seeds).taps()) == ["novel"]


def test_where_pool_tasks_stand_varies(seeds: Path) -> None:
    kept = ["Kept one", "Kept two"]
    places = {tasks.index("Kept one") for tasks in shown(Demonstrations(seeds=seeds), Past(64, 60, kept))}
    assert len(places) == 8


def test_fewer_seeds_than_places_are_all_shown(tmp_path: Path) -> None:
    few = lines(tmp_path / "few.jsonl", '{"instruction": "One:"}', '{"instruction": "Two\\n lines"}')
    first = shown(Demonstrations(seeds=few), Past(0, 1))[0]
    assert sorted(first) == ["One", "Two lines"]


def test_a_record_depends_on_its_number_and_not_on_what_is_wanted(seeds: Path) -> None:
    part = Demonstrations(seeds=seeds)
    whole = shown(part, Past(0, 40))
    assert shown(part, Past(0, 7)) + shown(part, Past(7, 33)) == whole
    assert shown(part, Past(0, 40, seed=2)) != whole
    assert len({tuple(tasks) for tasks in whole}) == 40


def test_the_mix_can_be_set(seeds: Path) -> None:
    part = Demonstrations(seeds=seeds, shown=5, from_pool=4)
    for tasks in shown(part, Past(9, 9, ["Kept a", "Kept b", "Kept c", "Kept d", "Kept e"])):
        assert len(tasks) == 5 and sum(task.startswith("Kept") for task in tasks) == 4
    with pytest.raises(PipelineError):
        Demonstrations(seeds=seeds, shown=0)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{"instructions": "x", "id": 1}', "line 2: a seed task needs an `instruction` (there are: instructions, id)"),
        ("{}", "line 2: a seed task needs an `instruction` (the object is empty)"),
        ('{"instruction": " "}', "line 2: `instruction` must be a text that is not empty"),
        ('{"instruction": 5}', "line 2: `instruction` must be a text that is not empty"),
        ('{"instruction": "x", "instances": [{"input": ""}]}', "line 2: `instances` must be a list of objects"),
        ("[1]", "line 2"),
        ('{"instruction": ', "line 2"),
    ],
)
def test_a_bad_seed_is_named_at_check_time(tmp_path: Path, row: str, said: str) -> None:
    bad = lines(tmp_path / "bad.jsonl", '{"instruction": "Name a river."}', row)
    with pytest.raises(InputError) as caught:
        Demonstrations(seeds=bad).io(Have())
    assert said in str(caught.value) and "bad.jsonl" in str(caught.value)


def test_an_empty_and_a_missing_file_are_named(tmp_path: Path) -> None:
    for path in (lines(tmp_path / "none.jsonl"), tmp_path / "gone.jsonl"):
        with pytest.raises(InputError, match=path.name):
            Demonstrations(seeds=path).io(Have())


@needs_real_seeds
def test_the_real_seeds_are_read_in_order() -> None:
    texts = read_seeds(SEEDS)
    assert len(texts) == 175 and texts[0].startswith("Is there anything I can eat for a breakfast")
    for tasks in shown(Demonstrations(seeds=SEEDS), Past(64, 100, ["Kept one", "Kept two"])):
        assert len(tasks) == 8 and sum(task.startswith("Kept") for task in tasks) == 2
        assert not any("\n" in task or task.endswith(":") for task in tasks)


def test_the_prompt_is_a_list_with_an_open_end() -> None:
    step, told = MoreTasks(model="m/x"), Told("Task 9: Name seven rivers of Asia.")
    asyncio.run(step.process(record(demonstrations=TEN[:8]), told))  # type: ignore[arg-type]
    text = told.asked[0].messages[-1]["content"]
    assert text.endswith(
        "Task 1: Seed task number 0\n" + "".join(f"Task {n + 1}: {TEN[n]}\n" for n in range(1, 8)) + "Task 9:"
    )
    assert "up to Task 15" in text
    assert told.asked[0].wishes == {
        "temperature": 0.7,
        "top_p": 0.5,
        "presence_penalty": 2,
        "frequency_penalty": 0,
        "max_tokens": 1024,
        "stop": ["Task 16:", "\n16."],
    }


def test_a_user_s_template_and_options_hold() -> None:
    step = MoreTasks(model="m/x", template="More of {{ demonstrations[0] }} to {{ last }}!", options={"temperature": 1})
    told = Told("9. Name seven rivers.\n10. Name eight.")
    asyncio.run(step.process(record(demonstrations=["This"]), told))  # type: ignore[arg-type]
    assert told.asked[0].messages == [{"role": "user", "content": "More of This to 8!"}]
    assert told.asked[0].options == {"temperature": 1, "on_length": "keep"}
    assert step.io(Have(frozenset({"demonstrations"}))).reads == {"demonstrations": list}


def test_an_answer_becomes_records_without_the_demonstrations() -> None:
    made = answered(
        MoreTasks(model="m/x"), "9. Name seven rivers.\n10. Na", {"demonstrations": TEN[:8]}, finish="length"
    )
    assert made == [{"instruction": "Name seven rivers."}]
    io = MoreTasks(model="m/x").io(Have(frozenset({"demonstrations"})))
    assert io.drops == ("demonstrations",) and io.writes == ("instruction",) and io.fans_out


def test_an_answer_without_tasks_is_dropped_with_a_reason() -> None:
    made = answered(MoreTasks(model="m/x"), "Sorry, no.", {"demonstrations": TEN[:8]})
    assert made == Verdict(False, "no tasks", "Sorry, no.")
    refused = answered(MoreTasks(model="m/x"), "", {"demonstrations": TEN[:8]}, refusal="I will not.")
    assert refused == Verdict(False, "refused", "I will not.")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Name three rivers", "too short"),
        ("Name three long rivers", ""),
        (" ".join(["word"] * 150), ""),
        (" ".join(["word"] * 151), "too long"),
        ("Write a program that sorts names.", "write a program"),
        ("Write a Program that sorts names.", "write a program"),
        ("Write a programme for the village fair.", "write a program"),
        ("Explain what it takes to write a program.", ""),
        ("(a) or (b), which is right?", "starts with punctuation"),
        ("“Quoted” words in this sentence.", "starts with a non-ASCII character"),
        ("Übersetze den Satz ins Englische.", "starts with a non-ASCII character"),
        ("Tell me how to go to Rome.", "unsuited word"),
        ("Describe what the Image shows here.", "unsuited word"),
        ("Summarise the paragraph about mapping rivers.", ""),
        ("Explain what a photographer does all day.", ""),
    ],
)
def test_the_filters_of_the_original(text: str, reason: str) -> None:
    verdict = checked(Suitable(), {"instruction": text})
    assert (verdict.keep, verdict.reason) == (not reason, reason)


@pytest.mark.parametrize("word", UNSUITED)
def test_every_unsuited_word_drops(word: str) -> None:
    verdict = checked(Suitable(), {"instruction": f"Please take the {word.upper()} and explain."})
    assert verdict == Verdict(False, "unsuited word", word.upper())


def test_the_words_can_be_changed() -> None:
    assert checked(Suitable(unsuited=()), {"instruction": "Describe what the image shows."}).keep
    assert checked(Suitable(unsuited=("c++",)), {"instruction": "Describe the image in words."}).keep
