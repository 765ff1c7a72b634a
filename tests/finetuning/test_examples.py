"""Batches of examples: nothing lost, nothing doubled, padding never counted, resumable."""

from __future__ import annotations

import pytest
import torch

from llm.finetuning.examples import (
    LENGTH_MULTIPLE,
    Example,
    ExampleLoader,
    collate,
    sorted_batches,
)
from llm.training.loss import IGNORED


def _examples(count: int) -> list[Example]:
    """Example i is recognised by its first token, i + 1."""
    lengths = [1 + (7 * number) % 61 for number in range(count)]
    return [
        Example(
            token_ids=(number + 1, *range(1, length)),
            targets=(IGNORED,) * (length - 1) + (number,),
        )
        for number, length in enumerate(lengths)
    ]


def _loader(examples: list[Example], *, seed: int = 1) -> ExampleLoader:
    return ExampleLoader(examples, batch_size=4, maximum_tokens=64, seed=seed)


def _seen(loader: ExampleLoader, batches: int) -> list[int]:
    found = []
    for _ in range(batches):
        targets = loader.next_batch()["targets"]
        found += targets[targets != IGNORED].tolist()
    return found


def test_padding_and_empty_rows_carry_no_target() -> None:
    examples = [
        Example(token_ids=(5, 6, 7), targets=(IGNORED, 8, 9)),
        Example(token_ids=(5,), targets=(6,)),
    ]
    batch = collate(examples, rows=3, maximum_tokens=100)
    assert batch["inputs"].shape == batch["targets"].shape == (3, LENGTH_MULTIPLE)
    assert batch["lengths"].tolist() == [3, 1, 1]
    assert batch["targets"][0, :3].tolist() == [IGNORED, 8, 9]
    assert int((batch["targets"] != IGNORED).sum()) == 3
    assert [example.learned for example in examples] == [2, 1]


def test_rows_are_never_wider_than_allowed() -> None:
    example = Example(token_ids=(1,) * 37, targets=(2,) * 37)
    assert collate([example], rows=1, maximum_tokens=37)["inputs"].shape == (1, 37)
    assert collate([example], rows=1, maximum_tokens=100)["inputs"].shape == (1, 40)


def test_an_epoch_has_every_example_once_in_batches_of_one_size() -> None:
    examples = _examples(150)
    loader = _loader(examples)
    assert loader.batches_per_epoch == 38
    first, second = _seen(loader, 38), _seen(loader, 38)
    assert sorted(first) == sorted(second) == list(range(150))
    assert first != second
    shapes = {tuple(loader.next_batch()["inputs"].shape) for _ in range(38)}
    assert shapes <= {(4, LENGTH_MULTIPLE * part) for part in range(1, 9)}


def test_the_order_depends_on_the_seed() -> None:
    examples = _examples(40)
    assert _seen(_loader(examples), 20) == _seen(_loader(examples), 20)
    assert _seen(_loader(examples), 20) != _seen(_loader(examples, seed=2), 20)


@pytest.mark.parametrize("batches", [0, 3, 10, 25])
def test_going_on_from_a_state_is_exact(batches: int) -> None:
    examples = _examples(40)
    loader = _loader(examples)
    _seen(loader, batches)
    state = loader.state()
    other = _loader(examples)
    other.restore(state)
    assert _seen(other, 25) == _seen(loader, 25)


def test_evaluation_batches_name_their_rows() -> None:
    examples = _examples(10)
    found: dict[int, torch.Tensor] = {}
    for rows, batch in sorted_batches(examples, batch_size=4, maximum_tokens=64):
        assert len(batch["inputs"]) == len(rows)
        found |= dict(zip(rows, batch["inputs"], strict=True))
    assert {row: int(inputs[0]) for row, inputs in found.items()} == {i: i + 1 for i in range(10)}


def test_no_examples_are_refused() -> None:
    with pytest.raises(ValueError, match="no examples"):
        _loader([])
