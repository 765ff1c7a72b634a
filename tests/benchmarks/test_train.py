"""The command that measures training: names, rows, sides that train; MFU by hand."""

import argparse
import math
from collections.abc import Callable
from functools import partial

import pytest
import torch

from benchmarks import gpu, train
from benchmarks.peers import book, hugging_face, reference
from benchmarks.peers.step import Step
from benchmarks.train_step import SHAPES, matrix_peak, seconds_of_ours, seconds_of_peer
from llm.errors import ConfigError
from llm.model.config import GPTConfig
from llm.planning import flops_per_token
from tests.conftest import need_library

TINY = GPTConfig(
    context_length=8,
    emb_dim=16,
    n_heads=2,
    n_layers=1,
    drop_rate=0.0,
    qkv_bias=True,
    tie_embeddings=True,
    vocab_size=64,
)


def test_every_measurement_has_a_name_to_ask_for(capsys):
    assert train.main(["--list"]) == 0
    assert capsys.readouterr().out.split() == list(train.MEASUREMENTS)


def test_rows_hold_ours_against_each_peer_and_the_peak(tmp_path, monkeypatch):
    rates = {"ours": 80.0, "ours-recompute": 60.0, "reference": 40.0, "book": 20.0}

    def measure(side, shape, *, batch_size, steps, work):
        if side == "peak":
            return {"flops": 160.0 * flops_per_token(SHAPES[shape])}
        gibibytes = {"ours": 3, "ours-recompute": 2}.get(side, 6)
        return {"tokens_per_second": rates[side], "peak_bytes": gibibytes * 2**30}

    monkeypatch.setattr(train, "measure", measure)
    rows = train.MEASUREMENTS["step-1024"](tmp_path, argparse.Namespace())
    assert [row.ratio for row in rows] == [4.0, 2.0, 0.5, 3.0, 0.75]
    assert [row.reached for row in rows] == [True, True, False, True, True]


@pytest.mark.parametrize("peer", ["book", "reference", "transformers"])
def test_a_peer_learns(peer):
    torch.manual_seed(1)
    builders: dict[str, Callable[[GPTConfig], Step]] = {
        "book": book.build,
        "reference": partial(reference.build, compile=False),
        "transformers": hugging_face.build,
    }
    if peer == "transformers":
        need_library("transformers")
    step = builders[peer](TINY)
    tokens = torch.arange(9).repeat(4, 1)
    losses = [step(tokens[:, :-1], tokens[:, 1:]) for _ in range(60)]
    assert losses[-1] < losses[0] - 0.5


def test_each_step_is_timed(monkeypatch):
    monkeypatch.setenv("LLM_THREADS", "1")
    assert len(seconds_of_ours(TINY, 4, 3, compile=False)) == 3
    assert len(seconds_of_peer(book.build, TINY, 4, 3)) == 3
    assert matrix_peak(64, 0.01) > 0


def test_utilisation_is_work_over_the_peak():
    # 124M: 6 N without positions, and attention's 12 L C T (the formulas of planning).
    config = SHAPES[gpu.SHAPE]
    parameters = 124_439_808 - 1024 * 768
    flops = 6 * parameters + 12 * 12 * 768 * 1024
    assert math.isclose(gpu.utilisation(450_000, config, 989e12), 450_000 * flops / 989e12)
    assert 0.38 < gpu.utilisation(450_000, config, 989e12) < 0.40


def test_rows_of_a_gpu():
    rows = gpu.rows_of(460_000.0, 400_000.0, "NVIDIA H200")
    assert [row.reached for row in rows] == [True, True, True]
    assert not gpu.rows_of(440_000.0, 400_000.0, "NVIDIA H200")[0].reached
    with pytest.raises(ConfigError, match="peak of this GPU"):
        gpu.hardware_of("Voodoo 2")


@pytest.mark.skipif(torch.cuda.is_available(), reason="tells of a machine without a GPU")
def test_without_a_gpu_it_says_so(capsys):
    assert gpu.main([]) == 2
    assert "no GPU" in capsys.readouterr().err
