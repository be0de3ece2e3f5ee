"""The server's own bill: all that was generated, whoever reads it; errors are free."""

import socket
from decimal import Decimal

import openai
import pytest
from loopback_kit import KEY, says, until

from synthkit.testing import Faults, LoopbackServer, Reply

USAGE = {"prompt_tokens": 1000, "completion_tokens": 500}
ONE = Decimal("0.002")


def ask(server: LoopbackServer, **options: object) -> None:
    with openai.OpenAI(base_url=server.url, api_key=KEY, max_retries=0, timeout=0.3) as client:
        client.chat.completions.create(model="m", messages=says("hi"), **options)  # type: ignore[call-overload]


@pytest.mark.parametrize("reply", ["reset", "close_early", "cut", "html", "empty", "hang"])
def test_an_answer_that_was_lost_is_charged(reply: str) -> None:
    share: object = (1.0, 5.0) if reply == "hang" else 1.0
    faults = Faults(**{reply: share})  # type: ignore[arg-type]
    answer = Reply(text="x", usage=USAGE)
    with LoopbackServer(lambda request: answer, faults=faults, prices={"m": (1, 2)}) as server:
        with pytest.raises(Exception) as caught:  # what the client makes of it is another matter
            ask(server)
            raise ConnectionError("empty or HTML, and taken for an answer")
        assert caught.value is not None
        assert server.bill == ONE


def test_errors_are_free_and_models_have_prices_of_their_own() -> None:
    replies = [Reply(error="server_error"), Reply(error="bad_request"), Reply(text="x", usage=USAGE)]
    with LoopbackServer(lambda request: replies[request.number], prices={"other": (9, 9), "": ("1", "2")}) as server:
        for _ in range(2):
            with pytest.raises(openai.APIStatusError):
                ask(server)
        assert server.bill == 0
        ask(server)
        assert server.bill == ONE
    with LoopbackServer(lambda request: Reply(text="x", usage=USAGE)) as server:
        ask(server)
        assert server.bill == 0, "without prices there is no bill"


def test_a_client_that_is_gone_is_charged_and_a_stream_too() -> None:
    with LoopbackServer(lambda request: Reply(text="x", usage=USAGE), latency=5, prices={"": (1, 2)}) as server:
        body = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", server.port)) as plug:
            plug.sendall(head + body)
        until(lambda: server.left == 1)
        assert server.bill == ONE
    with LoopbackServer(lambda request: Reply(text="x", usage=USAGE), prices={"": (1, 2)}) as server:
        ask(server, stream=True)
        assert server.bill == ONE
