"""Texts as they come: whole characters, stop strings cut off, the same text streamed and in one."""

import pytest

from llm.evaluation.writing import _Stream, write
from llm.model.sampling import Sampling


def stream(tokenizer, text, stop, *, end=False):
    """Feed a text byte by byte, the smallest tokens there are."""
    pieces: list[str] = []
    one = _Stream(0, tokenizer, stop, lambda row, piece: pieces.append(piece))
    raw = {bytes([b]): tokenizer._ranks[bytes([b])] for b in range(256)}
    for byte in text.encode("utf-8") if isinstance(text, str) else text:
        if one.add(raw[bytes([byte])], -1.0):
            break
    else:
        if end:
            one.add(tokenizer.end_of_text, -1.0)
    return one.close(), pieces


def test_characters_come_whole(tokenizer):
    written, pieces = stream(tokenizer, "Käse 🙂!", [])
    assert pieces == list("Käse 🙂!") and written.text == "Käse 🙂!"
    assert written.ending == "length"


def test_bytes_that_are_no_character_are_marked_and_not_lost(tokenizer):
    written, pieces = stream(tokenizer, b"a\xffb\xe2\x82", [])
    assert written.text == "".join(pieces) == "a\ufffdb\ufffd"


@pytest.mark.parametrize(
    ("text", "stop", "left", "ending"),
    [
        ("one###two", ["###"], "one", "stop"),
        ("one##two", ["###"], "one##two", "length"),
        ("one##", ["###"], "one##", "length"),
        ("a\n\nb", ["\n\n"], "a", "stop"),
        ("aab", ["aaa", "ab"], "a", "stop"),
        ("xaaab", ["aab"], "xa", "stop"),
        ("no mark", ["mark", "no"], "", "stop"),
        ("ende", ["\u00e4"], "ende", "length"),
    ],
)
def test_a_text_ends_before_the_first_stop_string(tokenizer, text, stop, left, ending):
    written, pieces = stream(tokenizer, text, stop)
    assert (written.text, written.ending) == (left, ending)
    assert "".join(pieces) == left


def test_the_end_of_text_is_no_text_and_lets_go_of_what_waited(tokenizer):
    written, pieces = stream(tokenizer, "one##", ["###"], end=True)
    assert (written.text, written.ending) == ("one##", "end")
    assert written.token_ids[-1] == tokenizer.end_of_text and "".join(pieces) == "one##"


def test_a_model_writes_what_its_tokens_say(model, tokenizer, runtime):
    heard: dict[int, str] = {0: "", 1: ""}

    def hear(row, text):
        heard[row] += text

    def run(prompts, **more):
        return write(
            model,
            prompts,
            tokenizer=tokenizer,
            maximum_new_tokens=30,
            sampling=Sampling(temperature=1.0),
            seeds=[3, 4][: len(prompts)],
            runtime=runtime,
            **more,
        )

    first, second = run(["the cat", ""], on_text=hear)
    assert (heard[0], heard[1]) == (first.text, second.text)
    ids = [i for i in first.token_ids if i != tokenizer.end_of_text]
    assert tokenizer.decode(ids) == first.text
    assert len(first.log_probabilities) == len(first.token_ids)
    assert all(value <= 0 for value in first.log_probabilities)
    mark = first.text[2:5]
    (cut,) = run(["the cat"], stop=[mark])
    assert cut.ending == "stop" and cut.text == first.text[: first.text.index(mark)]
    with pytest.raises(ValueError, match="empty"):
        run(["the cat"], stop=[""])
