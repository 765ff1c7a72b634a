"""The chat judge against a server that speaks OpenAI's protocol: strict, resumable, honest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llm.errors import ConfigError, InputError, ServiceError
from llm.evaluation.chat_judge import ChatJudge, check_failures, parse_score

RECORDS = [
    {"instruction": f"Say {number}", "input": "", "reference": f"{number}", "family": ""}
    for number in range(5)
]
RESPONSES = [str(number) for number in range(5)]


def _judge(folder: Path, *, retries: int = 0, json_replies: bool = True) -> ChatJudge:
    return ChatJudge(
        model="grader",
        seed=7,
        retries=retries,
        timeout_seconds=10,
        json_replies=json_replies,
        replies=folder / "replies.jsonl",
    )


def test_it_asks_without_chance_and_reads_every_score(server: Any, tmp_path: Path) -> None:
    server.reply = lambda request: json.dumps(
        {"score": 10 * int(request["messages"][-1]["content"][-1])}
    )
    replies = _judge(tmp_path).replies(RECORDS, RESPONSES, title="judge")
    assert [parse_score(reply) for reply in replies] == [0, 10, 20, 30, 40]
    request = server.requests[0]
    assert request["path"] == "/v1/chat/completions"
    assert (request["model"], request["temperature"], request["seed"]) == ("grader", 0.0, 7)
    assert request["response_format"]["json_schema"]["schema"]["required"] == ["score"]
    assert "Reference:\n0" in request["messages"][-1]["content"]
    assert set(server.secrets) == {"Bearer secret"}


def test_a_server_without_schemas_is_not_sent_one(server: Any, tmp_path: Path) -> None:
    _judge(tmp_path, json_replies=False).replies(RECORDS[:1], RESPONSES[:1], title="judge")
    assert "response_format" not in server.requests[0]


def test_an_interrupted_run_asks_only_for_what_it_lacks(server: Any, tmp_path: Path) -> None:
    server.reply = lambda request: 500 if len(server.requests) > 3 else '{"score": 80}'
    with pytest.raises(ServiceError, match="refuses") as caught:
        _judge(tmp_path).replies(RECORDS, RESPONSES, title="judge")
    assert caught.value.exit_code == 4
    with (tmp_path / "replies.jsonl").open("a") as stream:
        stream.write('["torn')
    server.reply = lambda request: '{"score": 90}'
    replies = _judge(tmp_path).replies(RECORDS, RESPONSES, title="judge")
    assert [parse_score(reply) for reply in replies] == [80, 80, 80, 90, 90]
    assert len(server.requests) == 4 + 2


def test_a_passing_fault_is_tried_again(server: Any, tmp_path: Path) -> None:
    server.reply = lambda request: 503 if len(server.requests) == 1 else '{"score": 80}'
    replies = _judge(tmp_path, retries=2).replies(RECORDS[:1], RESPONSES[:1], title="judge")
    assert replies == ['{"score": 80}']


def test_a_dead_server_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LLM_JUDGE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(ServiceError, match=r"127\.0\.0\.1:9") as caught:
        _judge(tmp_path).replies(RECORDS, RESPONSES, title="judge")
    assert "does not answer" in str(caught.value)


def test_a_missing_address_is_a_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LLM_JUDGE_URL", raising=False)
    with pytest.raises(ConfigError, match="LLM_JUDGE_URL"):
        _judge(tmp_path)


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ('{"score": 85}', 85),
        (' {"score": 0}\n', 0),
        ('{"score": 100}', 100),
        ('{"score": 101}', None),
        ('{"score": -1}', None),
        ('{"score": 85.5}', None),
        ('{"score": "85"}', None),
        ('{"score": true}', None),
        ('{"score": null}', None),
        ('{"score": 85, "reason": "good"}', None),
        ("[85]", None),
        ("85", None),
        ("Score: 85", None),
        ('The score is {"score": 85}', None),
        ("", None),
        ("[" * 100_000, None),
    ],
)
def test_only_a_whole_number_in_an_object_is_a_score(reply: str, score: int | None) -> None:
    assert parse_score(reply) == score


def test_too_many_unreadable_replies_fail() -> None:
    assert check_failures([80, 70, None, 60], ["", "", "about 80", ""], limit=0.25) == 0.25
    with pytest.raises(InputError, match="about 80"):
        check_failures([80, None], ["", "about 80"], limit=0.25)
    assert check_failures([], [], limit=0.0) == 0.0
