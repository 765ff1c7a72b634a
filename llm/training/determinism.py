"""Equal inputs give equal bits, whatever the order in which threads finish."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def deterministic() -> Iterator[None]:
    """Let torch choose deterministic algorithms alone.

    Without it, compiled code on a CPU adds up an embedding's gradient by atomic additions.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS asks for then
    settings: Any = torch.utils.deterministic  # torch does not type it
    before = torch.are_deterministic_algorithms_enabled(), settings.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True)
    # Filling fresh memory with NaN finds code that reads it too early; it costs time each step.
    settings.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        settings.fill_uninitialized_memory = before[1]
