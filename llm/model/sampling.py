"""Which token comes next: the likeliest, or one drawn from those that are left to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How a token is chosen from the model's scores. The rules narrow the choice in this order.

    repetition_penalty: above 1, tokens that the text holds are made less likely (Keskar et al.
    2019, section 4.1). temperature: 0 takes the likeliest token; below 1 sharpens, above flattens.
    top_k: only the k likeliest (Fan et al. 2018). top_p: only the fewest whose probabilities
    reach p (Holtzman et al. 2020). min_p: only those at least p times as likely as the likeliest
    (Nguyen et al. 2024). Raises ValueError for a setting out of its range.
    """

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        faults = {
            "temperature must be at least 0": self.temperature < 0,
            "top_k must be at least 1": self.top_k is not None and self.top_k < 1,
            "top_p must lie in (0, 1]": self.top_p is not None and not 0 < self.top_p <= 1,
            "min_p must lie in [0, 1]": self.min_p is not None and not 0 <= self.min_p <= 1,
            "repetition_penalty must be above 0": self.repetition_penalty <= 0,
        }
        for fault, found in faults.items():
            if found:
                raise ValueError(fault)


GREEDY = Sampling()


def choose(
    logits: Tensor, sampling: Sampling, *, texts: Sequence[Sequence[int]], draws: Tensor
) -> Tensor:
    """The next token of each row: logits (R, V) -> ids (R,).

    texts: what each row's text holds so far. draws: (R,) numbers in [0, 1), which alone decide
    what is drawn; unused at temperature 0.
    """
    logits = logits.float()
    if sampling.repetition_penalty != 1.0:
        logits = _penalised(logits, texts, sampling.repetition_penalty)  # (R, V)
    if sampling.temperature == 0:
        return logits.argmax(dim=-1)
    logits = logits / sampling.temperature  # (R, V)
    if sampling.top_k is not None:
        weakest = logits.topk(min(sampling.top_k, logits.shape[-1])).values[:, -1:]  # (R, 1)
        logits = logits.masked_fill(logits < weakest, -torch.inf)
    probabilities = logits.softmax(dim=-1)  # (R, V)
    if sampling.top_p is not None:
        ordered, ids = probabilities.sort(dim=-1, descending=True)  # (R, V) each
        likelier = ordered.cumsum(dim=-1) - ordered  # (R, V), the mass before each token
        dropped = likelier >= sampling.top_p
        dropped = dropped.scatter(-1, ids, dropped)  # (R, V), by id
        probabilities = probabilities.masked_fill(dropped, 0.0)
    if sampling.min_p is not None:
        least = sampling.min_p * probabilities.amax(dim=-1, keepdim=True)  # (R, 1)
        probabilities = probabilities.masked_fill(probabilities < least, 0.0)
    reached = probabilities.cumsum(dim=-1)  # (R, V)
    # The first id at which the sum exceeds the draw: an id of probability 0 never is.
    drawn = (reached <= draws[:, None].to(reached) * reached[:, -1:]).sum(dim=-1)  # (R,)
    # Rounding may let the last sum stay at the draw; the last id with a probability is meant.
    last = reached.shape[-1] - 1 - (probabilities.flip(-1) > 0).int().argmax(dim=-1)  # (R,)
    return torch.minimum(drawn, last)


def _penalised(logits: Tensor, texts: Sequence[Sequence[int]], penalty: float) -> Tensor:
    """Scores of tokens that stand in the row's text, divided (or multiplied, below 0)."""
    logits = logits.clone()
    for row, text in enumerate(texts):
        held = torch.tensor(sorted(set(text)), dtype=torch.long, device=logits.device)
        scores = logits[row, held]
        logits[row, held] = torch.where(scores > 0, scores / penalty, scores * penalty)
    return logits
