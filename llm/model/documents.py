"""Several documents in one row: who may see whom, and where each token stands in its own."""

from __future__ import annotations

import torch
from torch import Tensor

from llm.model.mask import causal_mask


def document_mask(document_ids: Tensor, window: int | None = None) -> Tensor:
    """Which tokens a token may see: those of its own document up to itself, `window` at most.

    document_ids: (B, T) -> (B, 1, T, T) booleans, blocks along the diagonal, each a lower triangle.
    """
    T = document_ids.shape[1]
    same = document_ids[:, :, None] == document_ids[:, None, :]  # (B, T, T)
    causal = causal_mask(torch.arange(T, device=document_ids.device), T, window)  # (T, T)
    return (same & causal)[:, None]


def positions_in_documents(document_ids: Tensor) -> Tensor:
    """The place of each token in its document, from 0 on: (B, T) -> (B, T).

    document_ids: growing along T, so a token's place is the number of tokens of its own document
    before it.
    """
    places = torch.arange(document_ids.shape[1], device=document_ids.device).expand_as(document_ids)
    firsts = torch.searchsorted(document_ids, document_ids)  # (B, T), where its document begins
    return places - firsts
