"""What requests and answers are made of: images, tools, calls; and how prompts put them in."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import synthkit as sk
from synthkit.core import Answer, Request, ToolCall, image
from synthkit.core.answer import called
from synthkit.core.values import canonical
from synthkit.errors import PipelineError, RecordError
from synthkit.generators import Rows
from synthkit.testing import LoopbackServer

KINDS = {
    "png": b"\x89PNG\r\n\x1a\n",
    "jpeg": b"\xff\xd8\xff\xe0",
    "gif": b"GIF89a",
    "webp": b"RIFF\x10\0\0\0WEBPVP8 ",
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_of_a_file_goes_out_with_its_bytes(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "picture"
    path.write_bytes(KINDS[kind] + b"more")
    data = base64.b64encode(KINDS[kind] + b"more").decode()
    assert image(path) == {"type": "image_url", "image_url": {"url": f"data:image/{kind};base64,{data}"}}
    assert image(str(path), "low")["image_url"]["detail"] == "low"


@pytest.mark.parametrize("url", ["https://example.com/a.png", "HTTP://example.com/a", "data:image/png;base64,eA=="])
def test_an_image_at_an_address_goes_out_as_it_is(url: str) -> None:
    assert image(url) == {"type": "image_url", "image_url": {"url": url}}


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"RIFF\x10\0\0\0WAVEfmt ", b"\x89PN"])
def test_a_file_that_is_no_image_is_named(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(data)
    with pytest.raises(RecordError) as caught:
        image(path)
    assert str(caught.value) == f"{path} is no image that models take: give PNG, JPEG, GIF or WebP"
    assert caught.value.reason == "image"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"the image .*/no\.png cannot be read: No such file or directory"):
        image(tmp_path / "no.png")
    with pytest.raises(RecordError, match="cannot be read: Is a directory"):
        image(tmp_path)


TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


def test_tools_are_part_of_a_request_and_without_them_nothing_has_changed() -> None:
    plain = Request("openai", "m", [{"role": "user", "content": "x"}], tool_choice="required")
    assert "tools" not in plain.form() and "tool_choice" not in plain.form()
    assert plain.key("s") == plain.replaced(tool_choice="auto").key("s")
    keys = {
        plain.replaced(tools=tools, tool_choice=chosen).key("s")
        for tools in ([], [TOOL], [TOOL, TOOL])
        for chosen in ("auto", "none")
    }
    assert len(keys) == 5
    assert canonical(plain.replaced(tools=[TOOL]).form()["tools"]) == canonical([TOOL])


def test_an_answer_is_a_message_to_go_on_with() -> None:
    calls = [ToolCall("c1", "look", {"where": "up", "größe": 1}), ToolCall("c2", "look", '{"where": "do')]
    assert Answer("Hello.").message == {"role": "assistant", "content": "Hello."}
    assert Answer("", tool_calls=calls).message == {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"where":"up","größe":1}'}},
            {"id": "c2", "type": "function", "function": {"name": "look", "arguments": '{"where": "do'}},
        ],
    }
    assert called([]) == []


class Seen(sk.Prompt):
    """Says what is to be seen."""

    template = "What is {{ name }}?"
    images: list[str] = ["pictures"]


def test_a_prompt_shows_the_images_of_its_columns(serve: Callable[..., LoopbackServer], project: Path) -> None:
    (project / "a.gif").write_bytes(KINDS["gif"])
    server = serve(answer=lambda request: "A cat.")
    url = "https://example.com/b.png"
    rows = [
        {"name": "1", "pictures": "a.gif"},
        {"name": "2", "pictures": [url, "a.gif"]},
        {"name": "3", "pictures": None},
    ]
    result = (sk.Pipeline("p") >> Rows(rows) >> Seen("m")).run(concurrency=1)
    assert len(result.accepted) == 3
    shown = [
        [part["image_url"]["url"][:22] for part in request.body["messages"][0]["content"][1:]]
        for request in server.requests
    ]
    assert shown == [["data:image/gif;base64,"], [url[:22], "data:image/gif;base64,"], []]
    assert server.requests[0].body["messages"][0]["content"][0] == {"type": "text", "text": "What is 1?"}


@pytest.mark.parametrize("value", [3, [3], {"url": "x"}, [""], "", True])
def test_a_column_without_images_fails_its_record(serve: Callable[..., LoopbackServer], value: Any) -> None:
    server = serve(answer=lambda request: "A cat.")
    result = (sk.Pipeline("p") >> Rows([{"name": "1", "pictures": value}]) >> Seen("m")).run()
    [reject] = result.rejected
    assert reject["reason"] == "column" and "'pictures' holds no images: give an address or a path" in reject["message"]
    assert server.count == 0


def test_images_need_a_column_and_a_model_that_sees() -> None:
    with pytest.raises(PipelineError) as caught:
        (sk.Pipeline("p") >> Rows([{"name": "1"}]) >> Seen("demo/default")).run()
    assert "pictures" in str(caught.value)
    with pytest.raises(PipelineError, match="needs images, which the models of demo/default do not offer"):
        (sk.Pipeline("p") >> Rows([{"name": "1", "pictures": "x"}]) >> Seen("demo/default")).run()
