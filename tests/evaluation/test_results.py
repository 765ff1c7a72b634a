"""The results of a run as they are read: whole, or an error that names the file."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from llm.errors import InputError
from llm.evaluation.results import Facts


def test_every_kind_of_result_is_found_under_its_stage(read_facts: Callable[[], Facts]) -> None:
    facts = read_facts()
    assert facts.stages["judge"]["auc"] == 0.9
    assert "pretrain_samples" not in facts.stages
    assert facts.samples == [{"step": 20, "text": "Once <b>upon</b>"}]
    first, *_, last = facts.histories["finetune_judge"]
    assert math.isnan(first["train_loss"])
    assert last["validation_loss"] == 3.25
    assert facts.predictions["label"] == [0, 1, 1]
    assert [row["score"] for row in facts.scores] == [61.5, 40.0]
    lineage = facts.lineage["pretrain"]
    assert [dep["path"] for dep in lineage["data"]] == ["data/tokens/train"]
    assert [dep["path"] for dep in lineage["code"]] == ["llm/training/loop.py"]
    assert lineage["params"] == {"seed": 123}


def test_a_truncated_result_is_an_error_that_names_the_file(
    results: dict[str, Path], read_facts: Callable[[], Facts]
) -> None:
    path = results["answers"] / "answers.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=re.escape(str(path))):
        read_facts()
