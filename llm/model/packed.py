"""A model laid out to write fast: its matrices in the order in which the processor reads them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

import torch
from torch import Tensor, nn

from llm.model.gpt import GPTModel


@contextmanager
def ready_to_write(model: GPTModel, *, autocast: bool) -> Iterator[GPTModel]:
    """The model in the form in which it writes fastest here; its weights must stay meanwhile.

    autocast: matrix products in bfloat16. On a CPU the matrices are packed, which takes as long as
    some ten tokens and pays from then on; elsewhere it is the model itself, under torch's autocast.
    """
    device = model.token_embedding.weight.device
    dtype = torch.bfloat16 if autocast else torch.float32
    if isinstance(model, PackedGPT):
        yield model
    elif device.type == "cpu" and can_pack(dtype):
        yield PackedGPT(model, dtype)
    else:
        with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
            yield model


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
        for module in list(self.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, nn.Linear) and child.weight is not self.head_weight:
                    setattr(module, name, PackedLinear(child.weight, child.bias, dtype))
        self.packed_head = PackedLinear(self.head_weight, None, dtype)
        self.eval()

    def head(self, hidden: Tensor) -> Tensor:
        """hidden: (..., C) -> logits (..., V), in the number type of the matrices."""
        logits: Tensor = self.packed_head(hidden)
        return logits[..., : self.config.vocab_size]  # (..., V)


class PackedLinear(nn.Module):
    """What nn.Linear computes, from a matrix packed by oneDNN in blocks of its own."""

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype
        # Not buffers: an opaque layout can be neither copied nor saved.
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach().to(dtype))
        self.bias = None if bias is None else bias.detach().to(dtype)

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., inputs) -> (..., outputs), in the packed number type whatever x's."""
        y: Tensor = torch.ops.mkldnn._linear_pointwise(
            x.to(self.dtype), self.weight, self.bias, "none", [], ""
        )
        return y
