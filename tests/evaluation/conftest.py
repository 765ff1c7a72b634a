"""A small tokenizer, a small model and a chat server for the tests of evaluation."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import torch

from llm.model.config import GPTConfig
from llm.model.gpt import GPTModel
from llm.runtime import Runtime
from llm.tokens.tokenizer import Tokenizer, train


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    text = "the cat sat on the mat and the dog ran to the red house with a big ball " * 20
    return train([text], vocab_size=290)


@pytest.fixture
def model(tokenizer: Tokenizer) -> GPTModel:
    torch.manual_seed(1)
    config = GPTConfig(
        vocab_size=tokenizer.vocab_size,
        context_length=128,
        emb_dim=32,
        n_heads=2,
        n_layers=2,
        drop_rate=0.0,
        qkv_bias=True,
        tie_embeddings=True,
    )
    return GPTModel(config).eval()


@pytest.fixture
def runtime() -> Runtime:
    return Runtime(device=torch.device("cpu"), autocast=False, threads=1, compile=False)


class ChatServer(ThreadingHTTPServer):
    """Replies to /v1/chat/completions with `replies` in turn, or with an HTTP status."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[dict[str, Any]] = []
        self.secrets: list[str | None] = []
        self.reply: Any = lambda request: '{"score": 80}'

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: ChatServer

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append({"path": self.path, **request})
        self.server.secrets.append(self.headers["Authorization"])
        reply = self.server.reply(request)
        status = reply if isinstance(reply, int) else 200
        message = {"role": "assistant", "content": reply}
        body = json.dumps(
            {"error": {"message": "no", "type": "server_error"}}
            if status != 200
            else {
                "id": "1",
                "object": "chat.completion",
                "created": 0,
                "model": request["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            }
        ).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Keep the test's output quiet."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    server = ChatServer()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("LLM_JUDGE_URL", server.address)
    monkeypatch.setenv("LLM_JUDGE_KEY", "secret")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
