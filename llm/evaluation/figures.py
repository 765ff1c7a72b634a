"""The report's pictures, drawn by Matplotlib as SVG text that stands inside the page."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Blue and orange from Wong's palette (Nature Methods 8, 441, 2011): told apart by every kind of
# colour vision. The first is ours, the second what ours is held against.
OURS, OTHER, QUIET = "#0072B2", "#E69F00", "#8a8f98"


def loss_curves(
    rows: Sequence[Mapping[str, float]], *, reference: float | None = None, reference_name: str = ""
) -> str:
    """Training and validation loss in nats per target over optimizer steps, and a level to beat."""
    figure, axes = _axes()
    steps = [row["step"] for row in rows]
    axes.plot(steps, [row["train_loss"] for row in rows], color=QUIET, label="train")
    axes.plot(steps, [row["validation_loss"] for row in rows], color=OURS, label="validation")
    if reference is not None:
        axes.axhline(reference, color=OTHER, linestyle="--", label=reference_name)
    axes.set_xlabel("optimizer step")
    axes.set_ylabel("loss, nats per target")
    axes.legend(frameon=False)
    return _svg(figure, "Loss over optimizer steps")


def bars(counts: Mapping[str, float], *, label: str, description: str) -> str:
    """Horizontal bars with their values, the largest on top."""
    ordered = sorted(counts.items(), key=lambda item: (item[1], item[0]))
    figure, axes = _axes(height=0.6 + 0.3 * max(1, len(ordered)))
    drawn = axes.barh([name for name, _ in ordered], [value for _, value in ordered], color=OURS)
    axes.bar_label(drawn, fmt="{:,.4g}", padding=3)
    axes.set_xlabel(label)
    axes.margins(x=0.15)
    return _svg(figure, description)


def paired_bars(before: Mapping[str, float], after: Mapping[str, float], *, label: str) -> str:
    """Per name two bars: after tuning in blue, before in orange."""
    names = sorted(after, key=lambda name: (after[name], name))
    figure, axes = _axes(height=0.8 + 0.34 * max(1, len(names)))
    places = range(len(names))
    axes.barh([p + 0.2 for p in places], [after[n] for n in names], 0.38, color=OURS, label="after")
    axes.barh(
        [p - 0.2 for p in places],
        [before.get(n, 0.0) for n in names],
        0.38,
        color=OTHER,
        label="before",
    )
    axes.set_yticks(list(places), names)
    axes.set_xlabel(label)
    axes.legend(frameon=False, loc="lower right")
    return _svg(figure, f"{label} by family")


def precision_recall(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> str:
    """Precision over recall per named classifier, from (recall, precision) pairs; ours first."""
    figure, axes = _axes()
    for (name, (recall, precision)), color in zip(curves.items(), (OURS, OTHER), strict=False):
        axes.step(recall, precision, where="post", color=color, label=name)
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
    axes.set_xlim(0, 1.01)
    axes.set_ylim(0, 1.03)
    axes.legend(frameon=False, loc="lower left")
    return _svg(figure, "Precision over recall")


def confusion_matrix(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """Counts by true class (rows) and predicted class (columns), shaded by share of the row."""
    figure, axes = _axes(height=3.0, width=3.6)
    shares = [[cell / max(1, sum(row)) for cell in row] for row in matrix]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, cells in enumerate(matrix):
        for column, cell in enumerate(cells):
            color = "white" if shares[row][column] > 0.5 else "black"
            axes.text(column, row, f"{cell:,}", ha="center", va="center", color=color, fontsize=13)
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.grid(visible=False)
    return _svg(figure, "Confusion matrix")


def histograms(
    values: Mapping[str, Sequence[float]], *, label: str, description: str, bins: int = 30
) -> str:
    """Overlaid histograms on common bins; the first in blue, the second in orange."""
    figure, axes = _axes()
    everything = [value for series in values.values() for value in series]
    low, high = (min(everything), max(everything)) if everything else (0.0, 1.0)
    span = (low, high if high > low else low + 1.0)
    for (name, series), color in zip(values.items(), (OURS, OTHER), strict=False):
        axes.hist(series, bins=bins, range=span, color=color, alpha=0.65, label=name)
    axes.set_xlabel(label)
    axes.set_ylabel("count")
    if len(values) > 1:
        axes.legend(frameon=False)
    return _svg(figure, description)


def _axes(*, height: float = 3.2, width: float = 6.4) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
    return figure, axes


def _svg(figure: Figure, description: str) -> str:
    import matplotlib as mpl

    # A fixed salt and no date: the same numbers give the same bytes.
    with mpl.rc_context({"svg.hashsalt": "report", "svg.fonttype": "none"}):
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Title": description})
    text = stream.getvalue()
    drawing = text[text.index("<svg") :]
    return drawing.replace("<svg", f'<svg role="img" aria-label="{description}"', 1)
