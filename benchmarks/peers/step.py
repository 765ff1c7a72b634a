"""What a peer's training gives to whoever measures it: its step."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

# One update of a peer's weights from inputs and targets, (B, T) each; returns the loss.
Step = Callable[[Tensor, Tensor], float]
