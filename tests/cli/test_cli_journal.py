"""`synthkit journal …`: what it shows of good journals, of damaged ones, and of text that wants to do harm."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_kit import COMMAND, Cli, Terminal, environment, process, until
from journal_kit import CITIES, HOSTILE, KEY, data, fill, harmless, journal, newer

# stats


def test_stats_count_answers_tokens_and_dollars(journaled: Cli, place: Path) -> None:
    said = journaled("journal", "stats")
    blocks = said.out.split("\n\n")
    assert (said.code, said.err) == (0, "")
    assert re.match(
        r"journal  \.synthkit/journal: [\d.]+ KB in 1 segment\nanswers  8\ntokens   [\d,]+ in, [\d,]+ out", blocks[0]
    )
    assert blocks[1].splitlines()[0].split() == ["model", "answers", "tokens", "in", "tokens", "out", "cost"]
    assert blocks[1].splitlines()[1].split()[:4] == ["openai/m", "at", "loop", "8"]
    assert blocks[2].splitlines()[1].split()[:2] == ["cities-001", "8"]
    form = json.loads(journaled("journal", "stats", "--json").out)
    assert (form["answers"], form["attempts"], form["segments"], form["cost"], form["problems"]) == (
        8, 0, 1, pytest.approx(form["tokens_in"] / 10**6 + form["tokens_out"] / 10**6), [],
    )  # fmt: skip
    assert form["runs"] == [{**form["runs"][0], "run": "cities-001", "answers": 8}]
    assert form["models"][0]["provider"] == "openai" and form["tokens_in"] == form["models"][0]["tokens_in"] > 0


def test_stats_say_what_is_not_known(journaled: Cli, place: Path) -> None:
    fill(journal(place), data(), data(request={"provider": "bedrock", "model": HOSTILE}, run=HOSTILE), {"body": 3})
    said = journaled("journal", "stats")
    assert "1 body of the provider 'bedrock', which no installed plugin has: tokens and dollars are without" in said.out
    assert "1 body of no provider" in said.out
    assert re.search(r"openai/gpt-5-mini +1 +10 +5 +less than \$0\.0001", said.out)
    assert re.search(r"bedrock/\\x1b\[2J.* +1 +0 +0 +unknown", said.out)
    assert "0123456789ab, no longer in runs/" in said.out
    harmless(said.out)
    with (place / "synthkit.toml").open("a") as file:
        file.write('[prices."openai/gpt-5-mini"]\ninput = 1000000\noutput = 0\n')
    assert re.search(r"openai/gpt-5-mini +1 +10 +5 +\$10\.00", journaled("journal", "stats").out)


def test_stats_know_pilots_and_previews(journaled: Cli, place: Path) -> None:
    (place / "cities.py").write_text((place / "cities.py").read_text().replace("posters", "songs"))
    assert journaled("estimate", "cities.py", "--pilot", "1").code == 0
    (place / "cities.py").write_text((place / "cities.py").read_text().replace("songs", "plays"))
    assert journaled("preview", "cities.py", "-n", "1").code == 0
    lines = journaled("journal", "stats").out.split("\n\n")[2].splitlines()
    found = [re.sub(r"[0-9a-f]{12}", "ID", line.split("  ")[0]) for line in lines[1:]]
    assert found == ["cities-001", "pilot ID with m", "preview ID with m"]
    runs = json.loads(journaled("journal", "stats", "--json").out)["runs"]
    assert [(run["run"], run["models"]) for run in runs] == [("cities-001", ["m"]), (None, ["m"]), (None, ["m"])]


def large(name: str, cached: int = 0, reasoning: int = 0, **more: Any) -> dict[str, Any]:
    """An entry with many tokens, from a service on this machine."""
    usage = {
        "prompt_tokens": 1_012_345, "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens": 534_567, "completion_tokens_details": {"reasoning_tokens": reasoning},
    }  # fmt: skip
    made = data(**more)
    made["request"] = {**made["request"], "model": name, "endpoint": "http://127.0.0.1:8977/v1"}
    return {**made, "body": json.dumps({**json.loads(made["body"]), "usage": usage})}


@pytest.mark.parametrize("columns", [56, 80, 160])
def test_stats_fit_and_tell_models_apart(cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    names = ["Qwen/Qwen3-235B-A22B-Instruct-2507", "Qwen/Qwen3-30B-A3B-Instruct-2507", "small"]
    pilot = {"run": "pilot-0123456789ab", "model": "judge"}
    fill(journal(place), large(names[0], 400_000, 300_123), large(names[1]), large(names[2], reasoning=5, **pilot))
    said = cli("journal", "stats")
    harmless(said.out, columns)
    models, runs = said.out.split("\n\n")[1:]
    words = " ".join(models.split())
    assert words.count(" at http://127.0.0.1:8977/v1") == 3 and models.count("1,012,345") == 3
    assert "of the tokens in 400,000 from the cache, of those out 300,123 reasoning" in words
    assert "of the tokens out 5 reasoning" in words and "with judge" in runs
    first = [line[: columns - 40].split(" ")[0] for line in models.splitlines()]
    broken = "".join(part for part in first if part and not part.startswith("at"))
    assert all(f"openai/{name}" in broken for name in names), "nothing of a name is left out"


def test_many_runs_are_cut_and_told(cli: Cli, place: Path) -> None:
    fill(journal(place), *(data(run=f"run{number:02}") for number in range(30)))
    said = cli("journal", "stats")
    assert "run29, no longer in runs/" in said.out and "run09" not in said.out
    assert said.lines[-1] == "10 earlier runs: --json has them"
    assert len(json.loads(cli("journal", "stats", "--json").out)["runs"]) == 30


# show


def test_a_list_of_entries(journaled: Cli) -> None:
    said = journaled("journal", "show")
    assert (said.code, said.err) == (0, "")
    assert said.lines[0].split() == ["key", "path", "record", "answer"] and len(said.lines) == 9
    assert [line.split()[1] for line in said.lines[1:]].count("slogan") == 4
    some = journaled("journal", "show", "-n", "3", "--path", "describe").lines
    assert len(some) == 6 and some[-1] == "the last 3 of 4: -n 0 shows all"
    assert len(journaled("journal", "show", "-n", "0", "--model", "m", "--run", "cities-001").lines) == 9
    assert len(journaled("journal", "show", "--grep", r"describe lima|\(peru\)").lines) == 2
    record = journaled("journal", "show", "-n", "1").lines[1].split()[2]
    assert len(journaled("journal", "show", "--record", record).lines) == 3


def test_an_entry_whole(journaled: Cli) -> None:
    entries = [json.loads(line) for line in journaled("journal", "show", "--json", "-n", "0").out.splitlines()]
    assert (
        len(entries) == 8 and {"key", "kind", "request", "body", "model", "run", "path", "record"} <= entries[0].keys()
    )
    wanted = next(entry for entry in entries if entry["path"] == "slogan")
    said = journaled("journal", "show", wanted["key"][:8])
    blocks = said.out.split("\n\n")
    assert said.code == 0 and blocks[0].splitlines()[0] == f"answer {wanted['key']}"
    assert f"run      cities-001 ({wanted['run']})" in blocks[0] and "options  max_tokens 2048" in blocks[0]
    assert "system\n  You write for posters." in said.out and "user\n  Make a slogan of this:" in said.out
    assert "\nanswer\n  " in said.out and '"usage": {' in said.out
    assert journaled("journal", "show", wanted["key"].upper()).out == said.out


def test_attempts_are_told_apart(cli: Cli, place: Path) -> None:
    fill(journal(place), data(), kind="attempt")
    fill(journal(place), data("good"), data("other"))
    assert [line.split()[1] for line in cli("journal", "show").lines] == ["kind", "attempt", "answer", "answer"]
    assert len(cli("journal", "show", "--kind", "attempt").lines) == 2
    key = cli("journal", "show", "--kind", "attempt").lines[1].split()[0]
    both = cli("journal", "show", key).out
    assert both.index("attempt 0000") < both.index("answer 0000")


def test_hostile_text_does_no_harm(cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    messages = [{"role": HOSTILE, "content": HOSTILE}, {"role": "user", "content": [{"type": "text", "text": HOSTILE}]}]
    request = {
        "provider": "openai", "model": HOSTILE, "endpoint": HOSTILE, "messages": messages,
        "options": {HOSTILE: HOSTILE}, "schema": {HOSTILE: HOSTILE}, HOSTILE: HOSTILE,
        "tools": [{"function": {"name": HOSTILE}}],
    }  # fmt: skip
    hostile = data(HOSTILE * 3, request=request, model=HOSTILE, run=HOSTILE, path=HOSTILE, record=HOSTILE)
    fill(journal(place), hostile, data(body=HOSTILE), data(body="[" * 5000), {"request": 1, "body": None, "run": []})
    monkeypatch.setenv("COLUMNS", "80")
    for arguments in ([], ["-n", "0"], ["--grep", "red"], ["00000000"]):
        said = cli("journal", "show", *arguments)
        assert said.code == 0 and said.err == ""
        harmless(said.out)
    for number in range(4):
        said = cli("journal", "show", f"{number + (77 << 64):032x}")
        assert said.code == 0
        harmless(said.out)


def test_keys_are_never_shown(cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    (place / "synthkit.toml").write_text('[models.t]\nuse = "openai/x"\napi_key_env = "OTHER"\n')
    (place / ".env").write_text("OTHER=another-key-0123456789\n")
    texts = f"My key is {KEY}, and another-key-0123456789, too."
    fill(journal(place), data(texts, request={"provider": "openai", "messages": [{"role": "user", "content": texts}]}))
    for arguments in ([], ["0000"], ["--json"]):
        said = cli("journal", "show", *arguments)
        assert said.code == 0 and "***" in said.out
        assert KEY not in said.out and "another-key" not in said.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["xyz"], "'xyz' is no key of the journal: a key has 32 digits from 0 to f, and its first 4 will do"),
        (["ab"], "'ab' is no key of the journal"),
        (["ffff" * 8], f"no entry in .synthkit/journal has a key that begins with {'ffff' * 8}"),
        (["--grep", "("], "--grep: '(' is no regular expression (missing ), unterminated subpattern at position 0)"),
        (["-n", "-1"], "-n: -1 is less than none: give 0 for all, or more"),
    ],
)
def test_what_cannot_be_shown_is_named(journaled: Cli, arguments: list[str], said: str) -> None:
    told = journaled("journal", "show", *arguments)
    assert told.code == 2 and told.err.startswith(f"synthkit: error: {said}")


def test_names_that_are_not_there_bring_the_nearest(journaled: Cli) -> None:
    assert journaled("journal", "show", "--path", "slogans").out == (
        "nothing in .synthkit/journal matches --path slogans; did you mean 'slogan'?\n"
    )
    assert journaled("journal", "show", "--model", "openai/x").out == (
        "nothing in .synthkit/journal matches --model openai/x; models there are: m\n"
    )


# verify and compact


def test_a_whole_journal_and_a_damaged_one(journaled: Cli, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = journaled("journal", "verify")
    assert said.code == 0 and said.lines[0] == "whole: .synthkit/journal"
    assert re.fullmatch(r"checked  1 segment, \d+ blocks: 8 answers, 0 attempts can be read", said.lines[1])
    path = journal(place) / "000001.journal"
    changed = bytearray(path.read_bytes())
    changed[40] ^= 1
    path.write_bytes(changed)
    monkeypatch.setenv("COLUMNS", "80")
    said = journaled("journal", "verify")
    assert said.code == 1 and said.lines[0] == "damaged: .synthkit/journal"
    text = " ".join(said.out.split())
    assert "bytes from offset 0 are damaged;" in text and "lost (" in text and "or they are asked again" in text
    harmless(said.out)
    form = json.loads(journaled("journal", "verify", "--json").out)
    assert form["whole"] is False and form["findings"][0]["damaged"] is True
    stats = journaled("journal", "stats")
    assert (
        stats.code == 0 and stats.err.startswith("synthkit: warning: ") and "are damaged and were skipped" in stats.err
    )


def test_compacting(journaled: Cli, place: Path) -> None:
    for seed in (1, 2):
        assert journaled("run", "cities.py", "--quiet", "--seed", f"{seed}").code == 0
    fill(journal(place), data(), kind="attempt")
    before = journaled("journal", "show", "-n", "0", "--json").out
    said = journaled("journal", "compact")
    assert said.code == 0 and said.err == ""
    assert re.fullmatch(
        r"journal  \.synthkit/journal\nbefore   [\d.]+ KB in 4 segments\nnow      [\d.]+ KB in 1 segment\n", said.out
    )
    assert journaled("journal", "show", "-n", "0", "--json").out == before
    assert "there is nothing to put together" in journaled("journal", "compact").out
    assert journaled("journal", "compact", "--drop-attempts").lines[-1] == "dropped  1 attempt"
    again = journaled("run", "cities.py", "--quiet", "--seed", "2", "--offline")
    assert again.code == 0 and "0, 8 answers from the journal" in again.out


def test_a_run_goes_on_while_its_journal_is_compacted(journaled: Cli, place: Path) -> None:
    for seed in (1, 2):
        assert journaled("run", "cities.py", "--quiet", "--seed", f"{seed}").code == 0
    (place / "cities.py").write_text(CITIES.replace("][:top]:", "] * 40:"))
    command = [*COMMAND, "run", "cities.py", "--quiet", "--seed", "9", "--run-dir", "runs/nine", "--concurrency", "4"]
    with subprocess.Popen(command, cwd=place, env=environment(), stdout=subprocess.DEVNULL) as child:
        until(lambda: (journal(place) / "000004.journal").exists())
        said = process("journal", "compact", cwd=place)
        living = child.poll() is None
    assert child.returncode == 0 and said.code == 0, said.err
    assert "in 4 segments" in said.out or not living
    one = (place / "runs/nine/accepted.jsonl").read_bytes()
    again = journaled("run", "cities.py", "--quiet", "--seed", "9", "--offline", "--run-dir", "runs/ten")
    assert again.code == 0 and (place / "runs/ten/accepted.jsonl").read_bytes() == one
    assert journaled("journal", "verify").code == 0


# journals of other machines and other versions


def test_a_journal_of_another_machine_just_works(journaled: Cli, place: Path, tmp_path: Path) -> None:
    """Other times, other rights, no sidecars, files of its file manager; another place."""
    there = place / "elsewhere"
    there.mkdir()
    for name in ("cities.py", "synthkit.toml", "runs", ".synthkit"):
        (shutil.copytree if (place / name).is_dir() else shutil.copy)(place / name, there / name)
    rng = random.Random(3)
    for path in (there / ".synthkit").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o444)
        os.utime(path, (0, rng.randrange(4 * 10**9)))
    copied = there / ".synthkit" / "journal"
    (copied / "000001.keys").unlink()
    (copied / ".DS_Store").write_bytes(b"x")
    (copied / "._000001.journal").write_bytes(b"\0\5\x16\7")
    said = process("run", "cities.py", "--offline", "--quiet", cwd=there)
    assert said.code == 0 and "8 answers from the journal" in said.out and "note" not in said.out
    assert (there / "runs/cities-002/accepted.jsonl").read_bytes() == (
        place / "runs/cities-001/accepted.jsonl"
    ).read_bytes()
    assert journaled("journal", "verify", "--at", "elsewhere").code == 0
    assert "answers  8\n" in journaled("journal", "stats", "--at", "elsewhere/.synthkit/journal").out
    assert process("journal", "explain", "cities-001", "cities-002", cwd=there).code == 0


def test_a_read_only_journal_can_be_looked_at(journaled: Cli, place: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    folder = place / "frozen"
    folder.mkdir()
    mounts = [["mount", "--bind", str(journal(place)), str(folder)], ["mount", "-o", "remount,ro,bind", str(folder)]]
    if any(subprocess.run(mount, capture_output=True).returncode for mount in mounts):
        pytest.skip("it may not mount here")
    try:
        for command in ("stats", "show", "verify"):
            said = journaled("journal", command, "--at", "frozen")
            assert (said.code, said.err) == (0, ""), command
        said = journaled("journal", "compact", "--at", "frozen")
        assert said.code == 1 and "Read-only file system; use a folder that can be written to" in said.err
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_newer_format_asks_for_an_upgrade(journaled: Cli, place: Path) -> None:
    newer(journal(place) / "000001.journal")
    (journal(place) / "000001.keys").unlink()
    sentence = "000001.journal was made by a newer synthkit (journal format 3; this one reads 1): upgrade synthkit\n"
    for arguments in (["stats"], ["show"], ["compact"], ["explain", "cities.py"]):
        said = journaled("journal", *arguments)
        assert said.code == 1 and said.err.endswith(sentence) and said.err.count("\n") == 1, arguments
    said = journaled("journal", "verify")
    assert said.code == 1 and sentence.strip() in " ".join(said.out.split())
    assert journaled("run", "cities.py", "--quiet").err.endswith(sentence)


def test_a_run_of_a_newer_version_asks_for_an_upgrade(journaled: Cli, place: Path) -> None:
    path = place / "runs" / "cities-001" / "run.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 7'))
    sentence = (
        "runs/cities-001/run.json was made by a newer synthkit (run format 7; this one reads 1): upgrade synthkit\n"
    )
    for arguments in (
        ["show", "cities-001"],
        ["resume", "cities-001"],
        ["journal", "explain", "cities-001", "cities-001"],
    ):
        said = journaled(*arguments)
        assert said.code == 1 and said.err == f"synthkit: error: {sentence}"
    assert journaled("journal", "stats").code == 0  # its answers are there all the same
    assert "which has no run yet" in journaled("journal", "explain", "cities.py").out


@pytest.mark.parametrize("command", ["stats", "show", "verify", "compact"])
def test_without_a_journal_that_is_said(cli: Cli, place: Path, command: str) -> None:
    said = cli("journal", command)
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        "synthkit: error: there is no journal in .synthkit/journal: the first run that asks a model makes it; --at "
        "names another one\n"
    )
    said = cli("journal", command, "--at", "nowhere")
    assert said.code == 2 and said.err.startswith(
        "synthkit: error: --at: there is no journal in nowhere: name a folder"
    )
    assert not journal(place).exists()


def test_random_bytes_are_no_traceback(cli: Cli, place: Path) -> None:
    rng = random.Random(8)
    journal(place).mkdir(parents=True)
    for turn in range(12):
        for name in ("000001.journal", "000001.keys", "000002.journal", "compaction.replaced", "lock"):
            (journal(place) / name).write_bytes(rng.randbytes(rng.choice((0, 3, 40, 900))))
        for command in ("stats", "show", "verify", "compact"):
            said = cli("journal", command)
            assert said.code in (0, 1) and "Traceback" not in said.err and "Error:" not in said.err, (turn, command)


# the screen


def test_help_is_quick_and_in_order(cli: Cli) -> None:
    said = cli("journal", "--help")
    names = [line.split()[0] for line in said.out.split("Commands:\n")[1].splitlines()]
    assert names == ["stats", "show", "explain", "verify", "compact"]
    assert "..." not in said.out.split("Commands:\n")[1]
    assert "Usage: synthkit journal explain FILE | RUN_A RUN_B [OPTIONS]" in cli("journal", "explain", "--help").out


@pytest.mark.parametrize(
    ("colours", "arguments"),
    [
        (True, ["show"]),
        (True, ["explain", "cities.py"]),
        (False, ["stats"]),
        (False, ["show", "--path", "slogan", "-n", "1"]),
    ],
)
def test_on_a_terminal_of_80_columns(journaled: Cli, place: Path, colours: bool, arguments: list[str]) -> None:
    env = {} if colours else {"NO_COLOR": "1"}
    with Terminal("journal", *arguments, cwd=place, **env) as screen:
        assert screen.end() == 0
        assert ("\x1b[" in screen.raw) is colours
        harmless(screen.text, 80)


def test_output_that_nobody_reads_is_no_error(journaled: Cli, place: Path) -> None:
    script = f"{sys.executable} -m synthkit.cli.main journal show -n 0 | head -n 1; echo ${{PIPESTATUS[0]}}"
    said = subprocess.run(
        ["bash", "-c", script], cwd=place, env=environment(), capture_output=True, text=True, timeout=60
    )
    assert said.stdout.splitlines()[-1] == "0" and said.stderr == ""
