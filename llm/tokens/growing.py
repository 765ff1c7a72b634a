"""Short texts first: windows cut into pieces while a training is young (Li et al. 2022)."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

PIECES = (8, 4, 2)  # per window, one after the other: few shapes, as each is compiled anew
_CUT = ("inputs", "targets", "document_ids")  # what has an entry per token


class _Loader(Protocol):
    @property
    def batches_per_epoch(self) -> float: ...

    def next_batch(self) -> dict[str, Tensor]: ...

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...

    def describe(self, sample_ids: list[int]) -> list[str]: ...


class GrowingWindows:
    """A loader's batches, (B, T); the first `batches` of them as (8 B, T / 8), then 4, then 2.

    Every window still comes once per epoch, and a batch has as many tokens and targets as before:
    only the text before each is shorter, and attention's work with it. Lengths that 8 (or 4, 2)
    does not divide are left whole in that part.
    """

    def __init__(self, loader: _Loader, *, batches: int) -> None:
        self._loader = loader
        self._batches = batches
        self._given = 0

    @property
    def batches_per_epoch(self) -> float:
        """As the loader's."""
        return self._loader.batches_per_epoch

    def next_batch(self) -> dict[str, Tensor]:
        """The loader's next batch, its windows in as many pieces as its turn asks for."""
        batch = self._loader.next_batch()
        pieces = pieces_at(self._given, self._batches, batch["inputs"].shape[1])
        self._given += 1
        return {
            name: tensor.reshape(pieces * len(tensor), -1) if name in _CUT else tensor
            for name, tensor in batch.items()
        }

    def state(self) -> dict[str, Any]:
        """The loader's, and how many batches it has given."""
        return {**self._loader.state(), "given": self._given}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self._given = int(state["given"])
        self._loader.restore({name: value for name, value in state.items() if name != "given"})

    def describe(self, sample_ids: list[int]) -> list[str]:
        """As the loader does: a batch's windows are the same, however they are cut."""
        return self._loader.describe(sample_ids)


def pieces_at(batch: int, batches: int, length: int) -> int:
    """Pieces per window of a batch, whose number counts from 0, where the first `batches` are cut.

    length: of the windows, tokens.
    """
    if batch >= batches:
        return 1
    pieces = PIECES[batch * len(PIECES) // batches]
    return pieces if length % pieces == 0 else 1


def mean_length(length: int, fraction: float) -> int:
    """Tokens of the texts of a training, the mean over its tokens.

    length: of the windows. fraction: of the batches, how many are cut.
    """
    cut = [length // pieces_at(turn, len(PIECES), length) for turn in range(len(PIECES))]
    return round(length * (1 - fraction) + sum(cut) / len(cut) * fraction)
