"""GPT-2 124M at context 1,024 on one GPU: tokens per second and MFU, against the reference.

python -m benchmarks.gpu --batch-size 32 --steps 20

Written and tested on machines without a GPU: what it computes is tested, its figures are still to
be measured. Both sides run in processes of their own, one after the other, on the same batches.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.house import ROOT
from benchmarks.measure import Row, row, table, write_results
from benchmarks.train_step import SHAPES, measure
from llm.errors import ConfigError, PipelineError
from llm.model.config import GPTConfig
from llm.planning import HARDWARE, flops_per_token
from llm.runtime import silence_telemetry

RESULTS = ROOT / "benchmarks" / "results" / "gpu.json"
WORK = ROOT / "data" / "bench"
SHAPE = "124M-1024"
_LEAST_RATIO = 1.15
_AIM_TOKENS_PER_SECOND = 450_000  # of one H200


def utilisation(tokens_per_second: float, config: GPTConfig, flops: float) -> float:
    """MFU, the share of a device's dense bfloat16 peak that training turns into work.

    tokens_per_second × (6 N + 12 L C T) / peak: `planning.flops_per_token`, which names its
    sources; recomputed work does not count (Chowdhery et al. 2022, appendix B).
    """
    return tokens_per_second * flops_per_token(config) / flops


def hardware_of(device_name: str) -> str:
    """The name in `planning.HARDWARE` of a device as its driver calls it.

    Raises ConfigError where its peak is not known.
    """
    for name in HARDWARE:
        if name in device_name:
            return name
    raise ConfigError(
        "The peak of this GPU is not known.",
        where="llm/planning.py, HARDWARE",
        found=device_name,
        expected=f"one of {', '.join(HARDWARE)}",
        remedy="add its dense bfloat16 peak from its maker's data sheet",
    )


def rows_of(ours: float, reference: float, device_name: str) -> list[Row]:
    """The rows of two rates, tokens per second."""
    config, hardware = SHAPES[SHAPE], hardware_of(device_name)
    peak = HARDWARE[hardware].flops
    name = f"124M, context 1,024, one {hardware}"
    return [
        row(
            f"step, {name}: against reference",
            unit="tokens/s",
            ours=ours,
            peer=reference,
            peer_name="reference: bfloat16, fused, compiled",
            at_least=_LEAST_RATIO,
        ),
        row(
            f"step, {name}: against the aim",
            unit="tokens/s",
            ours=ours,
            peer=_AIM_TOKENS_PER_SECOND,
            peer_name="the aim on one H200",
            at_least=1.0,
        ),
        row(
            f"step, {name}: MFU",
            unit="of the peak",
            ours=utilisation(ours, config, peak),
            peer=utilisation(reference, config, peak),
            peer_name="reference",
            at_least=_LEAST_RATIO,
        ),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure both sides, print the table and write it; return the exit code."""
    import torch

    silence_telemetry()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--batch-size", type=int, default=32, help="sequences per step")
    parser.add_argument("--steps", type=int, default=20, help="steps of each side")
    parser.add_argument("--work", type=Path, default=WORK, help="folder for compiled code")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the JSON goes")
    options = parser.parse_args(arguments)
    try:
        if not torch.cuda.is_available():
            raise ConfigError(
                "There is no GPU to measure.",
                where="this machine",
                found="torch.cuda.is_available() is false",
                remedy="run it where torch sees a GPU; `make bench-train` measures processors",
            )
        ours, reference = (
            measure(
                side,
                SHAPE,
                batch_size=options.batch_size,
                steps=options.steps,
                work=options.work.resolve(),
                device="cuda",
            )["tokens_per_second"]
            for side in ("ours", "reference")
        )
        found = rows_of(ours, reference, torch.cuda.get_device_name())
    except PipelineError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    write_results(options.results, found)
    print(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
