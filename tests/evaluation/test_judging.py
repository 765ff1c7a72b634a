"""A whole judgement by chat: the scores, the judge's own quality, and what fails it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llm.errors import InputError
from llm.evaluation.judging import judge_by_chat, judge_metrics, score_table

RECORDS = [
    {
        "id": str(number),
        "instruction": f"Say {number}",
        "input": "",
        "reference": f"it is {number}",
        "response": f"it is {number}" if number % 2 else "no",
        "response_before": "",
        "family": "say",
    }
    for number in range(8)
]


def _right(request: dict[str, Any]) -> str:
    """Grades by comparing the reference with the response, as a good judge would."""
    _, reference, response = request["messages"][-1]["content"].split(":\n")[-3:]
    return json.dumps({"score": 100 if reference.split()[:3] == response.split()[:3] else 10})


def _judge(folder: Path, *, limit: float = 0.1) -> Any:
    return judge_by_chat(
        RECORDS,
        replies=folder,
        model="grader",
        json_replies=True,
        maximum_parse_failure_fraction=limit,
        discrimination_records=6,
        retries=0,
        timeout_seconds=10,
        seed=1,
    )


def test_a_good_judge_is_known_by_its_auc(server: Any, tmp_path: Path) -> None:
    server.reply = _right
    judgement = _judge(tmp_path)
    metrics = judge_metrics(RECORDS, [judgement])
    assert (metrics["judge"], metrics["mean_score"], metrics["auc"]) == ("chat", 55.0, 1.0)
    assert (metrics["pairs"], metrics["parse_failure_fraction"]) == (6, 0.0)
    assert metrics["by_family"] == {"say": 55.0}
    table = score_table(RECORDS, [judgement])
    assert table.column_names == ["id", "score", "chat_score", "chat_reply"]


def test_a_judge_that_likes_everything_is_known_too(server: Any, tmp_path: Path) -> None:
    server.reply = lambda request: '{"score": 90}'
    assert _judge(tmp_path).quality["auc"] == 0.5


def test_unreadable_replies_are_counted_and_then_fatal(server: Any, tmp_path: Path) -> None:
    server.reply = lambda request: "fine" if len(server.requests) == 1 else '{"score": 50}'
    judgement = _judge(tmp_path / "one", limit=0.2)
    assert judgement.metrics["parse_failure_fraction"] == 1 / 8
    assert judgement.scores[0] is None
    assert judge_metrics(RECORDS, [judgement])["mean_score"] == 50
    server.reply = lambda request: "fine"
    with pytest.raises(InputError, match="cannot be read"):
        _judge(tmp_path / "two", limit=0.2)
