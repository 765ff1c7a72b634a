"""A model laid out to write fast: its matrices in the order in which the processor reads them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

import torch
from torch import Tensor, nn

from llm.model.feed_forward import FeedForward
from llm.model.gpt import GPTModel


@contextmanager
def ready_to_write(model: GPTModel, *, autocast: bool) -> Iterator[GPTModel]:
    """The model in the form in which it writes fastest here; its weights must stay meanwhile.

    autocast: matrix products in bfloat16; where nothing is packed, by torch's autocast.
    """
    ready = packed(model, autocast=autocast)
    device = model.token_embedding.weight.device
    casting = autocast and not isinstance(ready, PackedGPT)
    with torch.autocast(device.type, torch.bfloat16, enabled=casting):
        yield ready


def packed(model: GPTModel, *, autocast: bool) -> GPTModel:
    """The model packed, which takes as long as some ten tokens; itself, where it cannot be."""
    device = model.token_embedding.weight.device
    dtype = torch.bfloat16 if autocast else torch.float32
    if isinstance(model, PackedGPT) or device.type != "cpu" or not can_pack(dtype):
        return model
    return PackedGPT(model, dtype)


def can_pack(dtype: torch.dtype) -> bool:
    """Whether matrices can be packed here: by oneDNN's operators, which compiled models use too."""
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    return dtype == torch.float32 or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


class PackedGPT(GPTModel):
    """A GPT to write with, never to train: what autocast to `dtype` computes, rounding apart.

    A new token reads every weight once and does little with it, so memory is the bound. A packed
    matrix is read in one stream; a plain one takes the processor longer than the memory (124M in
    bfloat16, one token, two cores: 8 ms packed, 16 ms plain, 7 ms to read the bytes alone).

    Embeddings, norms and the sum along the blocks stay in their number type, and shared with the
    model; so keys and values are kept in it too, for which a CPU's attention is faster.
    """

    def __init__(self, model: GPTModel, dtype: torch.dtype) -> None:
        nn.Module.__init__(self)
        # The model's modules once more, around the same tensors.
        shared = {id(tensor): tensor for tensor in chain(model.parameters(), model.buffers())}
        vars(self).update(vars(copy.deepcopy(model, shared)))
        _pack(self.blocks, dtype)
        self.packed_head = PackedLinear(self.head_weight, None, dtype)
        self.eval()

    def head(self, hidden: Tensor) -> Tensor:
        """hidden: (..., C) -> logits (..., V), in the number type of the matrices."""
        logits: Tensor = self.packed_head(hidden)
        return logits[..., : self.config.vocab_size]  # (..., V)


def _pack(module: nn.Module, dtype: torch.dtype) -> None:
    """Put packed layers in the place of every linear one below."""
    for name, child in list(module.named_children()):
        if isinstance(child, FeedForward):
            setattr(module, name, _packed_feed_forward(child, dtype))
        elif isinstance(child, nn.Linear):
            setattr(module, name, PackedLinear(child.weight, child.bias, dtype))
        else:
            _pack(child, dtype)


def _packed_feed_forward(module: FeedForward, dtype: torch.dtype) -> nn.Module:
    """With GELU taken where the product stands, not in a second pass over it."""
    expand, project = module.expand, module.project
    return nn.Sequential(
        PackedLinear(expand.weight, expand.bias, dtype, gelu=True),
        PackedLinear(project.weight, project.bias, dtype),
    )


class PackedLinear(nn.Module):
    """What nn.Linear computes, from a matrix packed by oneDNN in blocks of its own.

    gelu: of the product, by the tanh formula.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype, *, gelu: bool = False
    ) -> None:
        super().__init__()
        self.dtype = dtype
        # Not buffers: an opaque layout can be neither copied nor saved.
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach().to(dtype))
        self.bias = None if bias is None else bias.detach().to(dtype)
        self.then: tuple[str, list[float], str] = ("gelu", [], "tanh") if gelu else ("none", [], "")

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., inputs) -> (..., outputs), in the packed number type whatever x's."""
        y: Tensor = torch.ops.mkldnn._linear_pointwise(
            x.to(self.dtype), self.weight, self.bias, *self.then
        )
        return y
