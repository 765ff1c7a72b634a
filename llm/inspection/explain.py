"""What a model does with one text: which tokens it attends to, and which it expects next."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from llm.model.attention import CausalSelfAttention, attention_weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from llm.model.gpt import GPTModel
    from llm.tokens.tokenizer import Tokenizer

_BLUE, _ORANGE = "#0072B2", "#E69F00"  # of the palette of Wong, Nature Methods 8, 441, 2011
_HEADS_PER_ROW = 4
_LABEL_CHARACTERS = 12
_LABELLED_TOKENS = 40  # more would not be read


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A text as the model saw it, T tokens.

    attention: (L, H, T, T), from the token of the row to that of the column; rows sum to 1.
    surprise: (T - 1,) nats, -log of the probability of each token after the first.
    expected: the likeliest next tokens and their probabilities, falling.
    """

    tokens: list[str]
    attention: Tensor
    surprise: Tensor
    expected: list[tuple[str, float]]


@torch.inference_mode()
def explain(model: GPTModel, tokenizer: Tokenizer, text: str, *, count: int = 10) -> Explanation:
    """Read a text once and keep what is usually thrown away.

    An empty text begins a document. Raises ValueError for a text longer than the model's context.
    """
    token_ids = tokenizer.encode(text) or [tokenizer.end_of_text]
    context = model.config.context_length
    if len(token_ids) > context:
        raise ValueError(f"the text has {len(token_ids)} tokens, the model sees {context}")
    model.eval()
    device = model.token_embedding.weight.device
    inputs = torch.tensor([token_ids], device=device)  # (1, T)
    attention, logits = _watch(model, inputs)
    log_probabilities = logits[0].float().log_softmax(dim=-1)  # (T, V)
    targets = inputs[0, 1:]  # (T - 1,)
    best = log_probabilities[-1].topk(min(count, log_probabilities.shape[-1]))
    return Explanation(
        tokens=[_name(tokenizer, token_id) for token_id in token_ids],
        attention=attention,
        surprise=-log_probabilities[:-1].gather(1, targets[:, None])[:, 0].cpu(),
        expected=[
            (_name(tokenizer, token_id), probability)
            for token_id, probability in zip(
                best.indices.tolist(), best.values.exp().tolist(), strict=True
            )
        ],
    )


def _watch(model: GPTModel, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """The attention of every layer and head, (L, H, T, T), and the logits, (1, T, V)."""
    maps: list[Tensor] = []

    def keep(attention: Any, args: Any, settings: dict[str, Any]) -> None:
        queries, keys, _ = attention.split(*args, settings["rotation"])  # (1, T, H, D) each
        queries, keys = queries.float().transpose(1, 2), keys.float().transpose(1, 2)
        maps.append(attention_weights(queries, keys, settings["mask"])[0])  # (H, T, T)

    hooks = [  # in the order of the layers
        part.register_forward_pre_hook(keep, with_kwargs=True)
        for part in model.modules()
        if isinstance(part, CausalSelfAttention)
    ]
    try:
        logits = model(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return torch.stack(maps).cpu(), logits


def draw(explanation: Explanation, *, layer: int, path: Path) -> None:
    """Draw one layer's heads, each token's surprise and the next tokens, as PNG, SVG or PDF.

    layer: from 0; negative counts from the last. Raises IndexError where there is none.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    heads = explanation.attention[layer]  # (H, T, T)
    rows = -(-len(heads) // _HEADS_PER_ROW)
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(12, 3.2 * rows + 4), layout="constrained")
        grid = figure.add_gridspec(
            rows + 1, _HEADS_PER_ROW, height_ratios=[*[3.2] * rows, 4], hspace=0.05
        )
        number = layer % len(explanation.attention) + 1
        figure.suptitle(f"Layer {number} of {len(explanation.attention)}")
        for head, weights in enumerate(heads):
            place = grid[head // _HEADS_PER_ROW, head % _HEADS_PER_ROW]
            _draw_head(figure.add_subplot(place), weights, explanation.tokens, head + 1)
        half = _HEADS_PER_ROW // 2
        _draw_surprise(figure.add_subplot(grid[rows, :half]), explanation)
        _draw_expected(figure.add_subplot(grid[rows, half:]), explanation)
        path.parent.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            # A script that the font has not is drawn as boxes; that is no fault of the text.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            figure.savefig(path, dpi=130)


def _draw_head(axes: Axes, weights: Tensor, tokens: list[str], head: int) -> None:
    axes.imshow(weights.numpy(), cmap="Blues", vmin=0.0, vmax=1.0, interpolation="nearest")
    axes.set_title(f"head {head}", fontsize=9)
    labels = tokens if len(tokens) <= _LABELLED_TOKENS else []
    axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=7, parse_math=False)
    axes.set_yticks(range(len(labels)), labels, fontsize=7, parse_math=False)


def _draw_surprise(axes: Axes, explanation: Explanation) -> None:
    axes.set_title("surprise of each token, nats")
    places = range(1, len(explanation.tokens))
    axes.bar(places, explanation.surprise.numpy(), color=_ORANGE)
    if len(explanation.tokens) <= _LABELLED_TOKENS:
        axes.set_xticks(places, explanation.tokens[1:], rotation=90, parse_math=False)


def _draw_expected(axes: Axes, explanation: Explanation) -> None:
    axes.set_title("what may come next, probability")
    names, values = zip(*explanation.expected, strict=True)
    axes.barh(range(len(names)), values, color=_BLUE)
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)


def _name(tokenizer: Tokenizer, token_id: int) -> str:
    """A token as a label: spaces and line ends visible, stray bytes escaped, long ones cut."""
    if token_id == tokenizer.end_of_text:
        return "<|endoftext|>"
    text = tokenizer.decode([token_id]).replace(" ", "·").replace("\n", "↵").replace("\t", "⇥")
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text if len(text) <= _LABEL_CHARACTERS else f"{text[:_LABEL_CHARACTERS]}…"
