"""Validation loss at equal tokens and at equal time: ours, the reference, and each option alone.

.venv/bin/python -m benchmarks.quality
.venv/bin/python -m benchmarks.quality --only options --tokens 200000
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.house import ROOT
from benchmarks.measure import machine
from benchmarks.quality_run import Side, Size, corpus, curve, model_of
from llm.files import read_json, write_json
from llm.runtime import silence_telemetry

RESULTS = ROOT / "benchmarks" / "results" / "quality.json"
WORK = ROOT / "data" / "bench"
LLAMA: Mapping[str, Any] = {
    "positions": "rotary",
    "norm": "rms",
    "feed_forward": "swiglu",
    "qkv_bias": False,
    "bias": False,
}

# Each option alone, on GPT-2's shape with AdamW.
OPTIONS: dict[str, Side] = {
    "plain": Side(),
    "rotary positions": Side(model={"positions": "rotary"}),
    "RMSNorm": Side(model={"norm": "rms"}),
    "SwiGLU": Side(model={"feed_forward": "swiglu"}),
    "half as many keys": Side(model={"n_kv_heads": 2}),
    "QK-norm": Side(model={"qk_norm": True}),
    "sliding window of 64": Side(model={"sliding_window": 64}),
    "no biases": Side(model={"bias": False, "qkv_bias": False}),
    "Llama's shape": Side(model=dict(LLAMA)),
    "Muon": Side(training={"optimizer": "muon"}),
    "z-loss of 1e-4": Side(z_loss=1e-4),
    "average of 0.99": Side(training={"average_decay": 0.99}),
    "half batches in the first fifth": Side(batch_warmup_fraction=0.2),
    "short windows in the first fifth": Side(length_warmup_fraction=0.2),
}
BEST = Side(model={**LLAMA, "qk_norm": True}, training={"optimizer": "muon"})
COMPARED = {"ours": BEST, "the reference": Side(reference=True)}

SMALL = Size(n_layers=4, emb_dim=128, n_heads=4, tokens=400_000, batch_size=4, evaluations=4)
LARGER = Size(
    n_layers=4,
    emb_dim=256,
    n_heads=4,
    tokens=3_000_000,
    batch_size=16,
    evaluations=20,
    compile=True,
)


Curves = Mapping[str, Sequence[Mapping[str, float]]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for, write the results and their picture; return the exit code."""
    silence_telemetry()
    options = _parser().parse_args(arguments)
    output: Path = options.output
    learned, held_out, text = corpus(WORK)
    found: dict[str, Any] = read_json(output, made_by="quality") if output.exists() else {}
    found |= {"machine": machine(), "corpus": f"{text}: {len(learned):,} tokens"}
    larger = SMALL if options.small else LARGER
    for part, sides, size in (("options", OPTIONS, SMALL), ("compared", COMPARED, larger)):
        if options.only in (None, part):
            size = replace(size, **_given(options))
            curves, parameters = {}, {}
            for name, side in sides.items():
                if not options.side or name in options.side:
                    curves[name] = [asdict(point) for point in curve(side, size, learned, held_out)]
                    parameters[name] = sum(p.numel() for p in model_of(side, size).parameters())
            found[part] = {"size": asdict(size), "parameters": parameters, "curves": curves}
            write_json(output, found)
    print(table(found))
    if "compared" in found:
        draw(found, output.with_suffix(".png"))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--only", choices=["options", "compared"])
    parser.add_argument("--side", action="append", help="one of the names, may be given again")
    parser.add_argument("--tokens", type=int, help="of each training")
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--small", action="store_true", help="compare at the options' size, too")
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--output", type=Path, default=RESULTS)
    return parser


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """The sizes that the command line changes."""
    given = {"tokens": options.tokens, "learning_rate": options.learning_rate}
    changes = {name: value for name, value in given.items() if value is not None}
    return changes | ({"compile": False} if options.no_compile else {})


def at(points: Sequence[Mapping[str, float]], axis: str, place: float) -> float:
    """The validation loss of a curve at a place on its axis, on the straight line between points;
    before the first and behind the last point theirs."""
    if place <= points[0][axis]:
        return points[0]["validation_loss"]
    for before, after in pairwise(points):
        if before[axis] <= place <= after[axis]:
            share = (place - before[axis]) / ((after[axis] - before[axis]) or 1.0)
            return before["validation_loss"] * (1 - share) + after["validation_loss"] * share
    return points[-1]["validation_loss"]


def table(found: Mapping[str, Any]) -> str:
    """What was found, as Markdown: each option against plain, and both sides at equal cost."""
    lines = []
    if "options" in found:
        curves: Curves = found["options"]["curves"]
        plain = curves.get("plain", curves[min(curves)])[-1]
        lines += ["| option alone | validation loss | change | CPU time | parameters |"]
        lines += ["|---|---:|---:|---:|---:|"]
        best_first = sorted(curves.items(), key=lambda item: item[1][-1]["validation_loss"])
        for name, points in best_first:
            last = points[-1]
            change = last["validation_loss"] - plain["validation_loss"]
            ratio = last["cpu_seconds"] / (plain["cpu_seconds"] or 1.0)
            cells = [name, f"{last['validation_loss']:.4f}", f"{change:+.4f}", f"{ratio:.2f} ×"]
            cells += [f"{found['options']['parameters'][name]:,}"]
            lines += [f"| {' | '.join(cells)} |"]
    if len(found.get("compared", {}).get("curves", ())) == len(COMPARED):
        curves = {name: found["compared"]["curves"][name] for name in COMPARED}
        lines += ["", f"| equal | at | {' | '.join(curves)} |", "|---|---:|---:|---:|"]
        for axis, unit in (("tokens", "tokens"), ("seconds", "s"), ("cpu_seconds", "s of CPU")):
            end = min(points[-1][axis] for points in curves.values())
            losses = [f"{at(points, axis, end):.4f}" for points in curves.values()]
            lines += [f"| {axis} | {end:,.0f} {unit} | {' | '.join(losses)} |"]
    return "\n".join(lines)


def draw(found: Mapping[str, Any], path: Path) -> None:
    """Both sides' curves over tokens and over seconds, as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    for axes, (axis, label, unit) in zip(
        figure.subplots(1, 2, sharey=True),
        (("tokens", "tokens, thousands", 1000), ("seconds", "seconds of training", 1)),
        strict=True,
    ):
        for name, whole in found["compared"]["curves"].items():
            points = whole[1:]  # the first is that of an untrained model
            axes.plot(
                [point[axis] / unit for point in points],
                [point["validation_loss"] for point in points],
                label=name,
            )
        axes.set_xlabel(label)
        axes.set_ylabel("validation loss, nats per token")
        axes.grid(alpha=0.3)
        axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    sys.exit(main())
