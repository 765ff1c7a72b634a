"""A chat server and a run's results, for the tests of evaluation."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from llm.evaluation.results import Facts, collect
from llm.files import write_json, write_parquet, write_text


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


COMPRESSION = {
    "bytes": 4000,
    "bytes_per_token": 3.125,
    "tokens_per_word": 1.375,
    "gpt2_bytes_per_token": 4.875,
    "gpt2_tokens_per_word": None,
}
METRICS: dict[str, dict[str, Any]] = {
    "download": {
        "files": 1,
        "by_source": [
            {
                "name": "stories",
                "licence": "CC0-1.0",
                "language": "en",
                "files": 1,
                "bytes": 1234567,
            }
        ],
        "sources": [
            {
                "name": "stories",
                "file": "stories-00000.jsonl",
                "bytes": 1234567,
                "licence": "CC0-1.0",
                "language": "en",
                "sha256": "ab" * 32,
            }
        ],
    },
    "clean": {"documents_in": 10, "documents_kept": 7, "dropped": {"too_short": 2, "language": 1}},
    "dedupe": {
        "documents": 6,
        "planted": {
            "kept_fraction": {"clean": 0.5, "email": 1.0, "exact_duplicate": 1.0},
            "precision": 1.0,
            "recall": {"exact_duplicate": 0.75},
            "repaired_fraction": {"email": 1.0},
        },
    },
    "decontaminate": {
        "documents_in": 6,
        "documents_contaminated": 1,
        "documents_removed": 0,
        "documents_cut": 1,
        "character_fraction_removed": 0.125,
        "sets": [
            {
                "name": "messages, test",
                "examples": 30,
                "searched": 20,
                "overlapping": 5,
                "overlapping_fraction": 0.25,
                "only_common": 4,
                "documents": 3,
                "worst": [
                    {
                        "id": "m1",
                        "ngrams": 9,
                        "ngrams_found": 7,
                        "ngram": "call <now> for your free holiday",
                        "document": "d1",
                    }
                ],
            }
        ],
        "fine_tuning": [
            {
                "name": "instructions, train",
                "records": 40,
                "overlapping": 2,
                "sets": [{"name": "riddles", "searched": 9, "overlapping": 1}],
            },
            {"name": "messages, train", "records": 90, "overlapping": 0, "sets": []},
        ],
    },
    "split": {"train_documents": 5, "validation_documents": 1},
    "tokenize": {
        "train": {"tokens": 1000},
        "validation": {"tokens": 100},
        "sources": [
            {
                "source": "tales & fables",
                "documents": 5,
                "tokens": 1000,
                "weight": 0.375,
                "share": 0.38,
                "passes": 1.5,
            }
        ],
    },
    "pretrain": {"validation_loss": 3.25, "trigram_loss": 3.5, "bits_per_byte": 1.2, "epochs": 3.0},
    "train_tokenizer": {
        "vocab_size": 512,
        "compression": {
            "sample_bytes": 4000,
            "gpt2_missing": "no file",
            "by_language": {"en": COMPRESSION},
            "by_source": {"tales": {**COMPRESSION, "gpt2_bytes_per_token": None}},
        },
    },
    "import_gpt2": {"parameters": 1000},
    "finetune_classifier": {
        "f1": 0.9,
        "baseline_f1": 0.8,
        "pr_auc": 0.95,
        "baseline_pr_auc": 0.9,
        "accuracy": 0.97,
        "confusion": [[80, 2], [3, 15]],
    },
    "answer": {
        "exact_match": 0.5,
        "exact_match_before": 0.0,
        "rouge_l": 0.6,
        "chrf": 55.0,
        "by_family": {"repeat": 0.75, "join": 0.25},
        "by_family_before": {"repeat": 0.0, "join": 0.0},
    },
    "judge": {"mean_score": 61.5, "auc": 0.9, "parse_failure_fraction": 0.0},
}
HISTORY = "step,epoch,tokens,train_loss,validation_loss,learning_rate\n"
LOCK = """\
schema: '2.0'
stages:
  pretrain:
    cmd: python -m llm pretrain
    deps:
    - {path: data/tokens/train, hash: md5, md5: 0123456789abcdef.dir}
    - {path: llm/training/loop.py, hash: md5, md5: fedcba9876543210}
    params:
      params.yaml:
        pretrain: {seed: 123}
    outs:
    - {path: data/models/pretrained, hash: md5, md5: 1111111111111111.dir}
"""


@pytest.fixture
def results(tmp_path: Path) -> dict[str, Path]:
    """A run's results, small and made up, laid out as the stages leave them."""
    paths = {name: tmp_path / name for name in ("results", "gates", "answers", "scores", "times")}
    for stage, metrics in METRICS.items():
        write_json(paths["results"] / f"{stage}.json", metrics)
        write_json(paths["times"] / f"{stage}.json", {"seconds": 2.5, "peak_memory_bytes": 2**28})
    for stage in ("pretrain", "finetune_classifier", "finetune_instructions", "finetune_judge"):
        rows = "0,0,0,,8.3,0.0\n10,1,1000,4.0,4.1,0.001\n20,2,2000,3.1,3.25,0.0001\n"
        write_text(paths["results"] / f"{stage}_history.csv", HISTORY + rows)
    write_json(
        paths["results"] / "pretrain_samples.json", [{"step": 20, "text": "Once <b>upon</b>"}]
    )
    predictions = {
        "label": [0, 1, 1],
        "probability": [0.1, 0.9, 0.4],
        "baseline_probability": [0.2, 0.8, 0.1],
    }
    write_parquet(pa.table(predictions), paths["results"] / "classifier_predictions.parquet")
    gate = {
        "success": True,
        "suite": "tokens",
        "expectations": [
            {
                "expectation": "expect_column_max_to_be_between",
                "column": "ids_in_two_splits",
                "rows": "every_row",
                "success": True,
                "meaning": "no document stands in two splits",
            }
        ],
    }
    write_json(paths["gates"] / "tokens.json", gate)
    answer = {
        "instruction": "Repeat <script>alert(1)</script>",
        "input": "",
        "reference": "brolin",
        "response": "brolin",
        "response_before": "the the",
    }
    write_parquet(pa.Table.from_pylist([answer]), paths["answers"] / "answers.parquet")
    write_parquet(pa.table({"score": [61.5, 40.0]}), paths["scores"] / "scores.parquet")
    write_text(tmp_path / "dvc.lock", LOCK)
    return {**paths, "lock": tmp_path / "dvc.lock"}


@pytest.fixture
def read_facts(results: dict[str, Path]) -> Callable[[], Facts]:
    """Reads these results anew at every call."""

    def read() -> Facts:
        return collect(
            results=results["results"],
            gates=results["gates"],
            answers=results["answers"],
            scores=results["scores"],
            lock=results["lock"],
            timings_dir=results["times"],
            examples=5,
        )

    return read
