"""A GPT that sorts texts into classes by what it knows at their last token."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from llm.model.gpt import INITIAL_STD, GPTModel

Trainable = Literal["head", "last_block", "all"]


class Classifier(nn.Module):
    """A small linear head on the hidden state of a text's last real token.

    Only that token has seen the whole text; the last padding would have seen padding too.
    """

    def __init__(self, gpt: GPTModel, n_classes: int) -> None:
        super().__init__()
        self.gpt = gpt
        self.n_classes = n_classes
        self.class_head = nn.Linear(
            gpt.config.emb_dim, n_classes, device=gpt.token_embedding.weight.device
        )
        nn.init.normal_(self.class_head.weight, std=INITIAL_STD)
        nn.init.zeros_(self.class_head.bias)

    def forward(self, token_ids: Tensor, lengths: Tensor) -> Tensor:
        """Logits of the classes.

        token_ids: (B, T), padded on the right by anything. lengths: (B,), each from 1 to T.
        Returns (B, n_classes).
        """
        hidden = self.gpt.hidden(token_ids)  # (B, T, C)
        rows = torch.arange(len(token_ids), device=token_ids.device)  # (B,)
        last = hidden[rows, lengths - 1]  # (B, C)
        return self.class_head(last)  # (B, n_classes)


def set_trainable(model: Classifier, part: Trainable) -> None:
    """Let only a part of the weights learn; the rest is frozen.

    head: the class head. last_block: the last block and the final norm too, as in the book.
    all: everything that reaches the classes, which an untied output head does not.
    """
    gpt = model.gpt
    parts: dict[Trainable, list[nn.Module]] = {
        "head": [model.class_head],
        "last_block": [model.class_head, gpt.final_norm, gpt.blocks[-1]],
        "all": [model.class_head, gpt.final_norm, gpt.blocks, *gpt.embeddings],
    }
    model.requires_grad_(False)
    for module in parts[part]:
        module.requires_grad_(True)
