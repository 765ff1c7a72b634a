"""The table of published vocabularies is tiktoken's, and special tokens read as such."""

from __future__ import annotations

import pytest
import tiktoken_ext.openai_public as openai_public

from llm.tokens.patterns import PATTERNS
from llm.tokens.vocabularies import GPT2_FILES, PUBLISHED, check_special_tokens


@pytest.mark.parametrize("kind", sorted(PUBLISHED))
def test_the_table_is_that_of_tiktoken(kind, monkeypatch):
    asked = {}

    def take(address, expected_hash):
        asked[address.rsplit("/", 1)[1]] = expected_hash
        return {}

    monkeypatch.setattr(openai_public, "load_tiktoken_bpe", take)
    theirs = getattr(openai_public, f"{kind}_base")()
    ours = PUBLISHED[kind]
    assert asked == {ours.file: ours.sha256}
    assert (ours.pattern, ours.special_tokens) == (theirs["pat_str"], theirs["special_tokens"])


def test_gpt2_is_that_of_tiktoken(monkeypatch):
    asked = {}
    monkeypatch.setattr(
        openai_public, "data_gym_to_mergeable_bpe_ranks", lambda **files: asked.update(files) or {}
    )
    assert openai_public.gpt2()["pat_str"] == PATTERNS["gpt2"]
    assert asked["vocab_bpe_hash"] == GPT2_FILES["vocab.bpe"]
    assert asked["encoder_json_hash"] == GPT2_FILES["encoder.json"]


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        (["user"], "reads <|name|>"),
        (["<|a b|>"], "reads <|name|>"),
        ([""], "reads <|name|>"),
        (["<|user|>", "<|user|>"], "stands twice"),
        (["<|endoftext|>"], "stands twice"),
    ],
)
def test_names_that_would_cut_up_text_are_refused(names, fault):
    with pytest.raises(ValueError, match=fault.replace("|", r"\|")):
        check_special_tokens(names)


def test_other_names_pass():
    check_special_tokens([])
    check_special_tokens(["<|user|>", "<|assistant|>"])
