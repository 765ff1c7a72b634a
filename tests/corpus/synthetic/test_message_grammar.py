"""The grammar of the short messages: whole, used everywhere, and harmless."""

from __future__ import annotations

import re
from random import Random

import pytest

from llm.corpus.synthetic.message_grammar import GRAMMAR, HAM, SHAPES, SPAM, expand


def _inner(symbol: str) -> set[str]:
    return {name for phrase in GRAMMAR[symbol] for name in re.findall(r"<(\w+)>", phrase)}


@pytest.mark.parametrize("symbol", sorted(GRAMMAR))
def test_every_symbol_expands_to_plain_text(symbol: str) -> None:
    for seed in range(100):
        text = expand(symbol, Random(seed))
        assert text.strip()
        assert not re.search(r"[<>{}|#^]", text), text


def test_every_symbol_is_reached_from_a_shape() -> None:
    reached: set[str] = set()
    waiting = {name for label in (HAM, SPAM) for _, names in SHAPES[label] for name in names}
    while waiting:
        reached |= waiting
        waiting = {inner for name in waiting for inner in _inner(name)} - reached
    assert reached == set(GRAMMAR)


def test_phone_numbers_and_links_reach_nobody() -> None:
    for seed in range(300):
        for symbol in ("phone", "premium"):
            digits = expand(symbol, Random(seed)).replace(" ", "")
            assert re.fullmatch(r"07700900\d{3}|09098790\d{3}|08081570\d{3}", digits)
        for symbol in ("link", "page"):
            link = expand(symbol, Random(seed)).removeprefix("http://")
            assert link.split("/")[0].rsplit(".", 1)[1] in {"example", "test", "invalid"}
