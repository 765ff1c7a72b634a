"""Panics of the libraries: told as errors with a remedy, everything else untouched."""

from __future__ import annotations

import pyarrow as pa
import pytest

from llm.errors import InputError
from llm.tokens.panics import dividing, is_panic
from llm.tokens.patterns import PATTERNS
from llm.tokens.tokenizer import train

SHORT = ["The fox saw the hen, and the hen saw the fox."] * 3
RUN = " " * 1_000_001 + "x"


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_a_run_that_no_library_divides_is_told(name, monkeypatch):
    with pytest.raises(InputError, match="divided into words") as caught:
        train([RUN], vocab_size=270, pattern=PATTERNS[name])
    assert "train_tokenizer.pattern" in str(caught.value)
    monkeypatch.setenv("LLM_ENCODER", "tiktoken")
    made = train(SHORT, vocab_size=270, pattern=PATTERNS[name])
    for call in (
        lambda: made.encode(RUN),
        lambda: made.encode(RUN, allow_special=True),
        lambda: made.encode_batch(["a", RUN]),
        lambda: made.documents.encode(pa.array(["a", RUN])),
    ):
        with pytest.raises(InputError, match="divided into words"):
            call()
    assert made.decode(made.encode(RUN[-900_000:])) == RUN[-900_000:]


def test_other_errors_pass():
    for error in (ValueError("a"), KeyboardInterrupt()):
        assert not is_panic(error)
        with pytest.raises(type(error)), dividing():
            raise error
