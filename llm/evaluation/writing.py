"""Texts that a model writes, as they come: token ids become characters, stop strings end them."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from llm.model.generate import generate
from llm.model.gpt import GPTModel
from llm.model.packed import ready_to_write
from llm.model.sampling import GREEDY, Sampling
from llm.runtime import Runtime
from llm.tokens.tokenizer import Tokenizer

Ending = Literal["end", "stop", "length"]


@dataclass(kw_only=True)
class Written:
    """One text. ending: by the end of text, by a stop string (cut off), or by its length.

    token_ids, log_probabilities: of every new token, the end of text and those of the stop string
    included; natural logarithms, before any rule of sampling.
    """

    text: str = ""
    ending: Ending = "length"
    token_ids: list[int] = field(default_factory=list)
    log_probabilities: list[float] = field(default_factory=list)


def write(
    model: GPTModel,
    prompts: Sequence[str],
    *,
    tokenizer: Tokenizer,
    maximum_new_tokens: int,
    sampling: Sampling = GREEDY,
    seeds: Sequence[int] | None = None,
    stop: Sequence[str] = (),
    on_text: Callable[[int, str], None] | None = None,
    runtime: Runtime,
) -> list[Written]:
    """Continue each prompt. An empty one begins a new document.

    stop: a text ends before the first of these that comes up. on_text: hears of new characters
    (number of the prompt, characters) as soon as they are certain: whole characters, and none that
    may yet turn out to be the beginning of a stop string; joined they are the text.
    Raises ValueError for an empty stop string.
    """
    if not all(stop):
        raise ValueError("a stop string is empty")
    streams = [_Stream(row, tokenizer, stop, on_text or _unheard) for row in range(len(prompts))]

    def hear(row: int, token_id: int, log_probability: float) -> bool:
        return streams[row].add(token_id, log_probability)

    with ready_to_write(model, autocast=runtime.autocast) as ready:
        generate(
            ready,
            [tokenizer.encode(prompt) or [tokenizer.end_of_text] for prompt in prompts],
            maximum_new_tokens=maximum_new_tokens,
            end_of_text=tokenizer.end_of_text,
            sampling=sampling,
            seeds=seeds,
            on_token=hear,
        )
    return [stream.close() for stream in streams]


def _unheard(_row: int, _text: str) -> None:
    """Nobody listens."""


class _Stream:
    """One text on its way from token ids to characters."""

    def __init__(
        self,
        row: int,
        tokenizer: Tokenizer,
        stop: Sequence[str],
        on_text: Callable[[int, str], None],
    ) -> None:
        self._row = row
        self._tokenizer = tokenizer
        self._stop = stop
        self._on_text = on_text
        self._written = Written()
        self._waiting = ""  # characters that may be the beginning of a stop string
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, token_id: int, log_probability: float) -> bool:
        """Take a token; whether it ends the text."""
        self._written.token_ids.append(token_id)
        self._written.log_probabilities.append(log_probability)
        if token_id == self._tokenizer.end_of_text:
            self._written.ending = "end"
            return True
        self._waiting += self._decoder.decode(self._tokenizer.written_bytes(token_id))
        return self._cut() or self._let_go()

    def close(self) -> Written:
        """The text as it ended; bytes that are no whole character become U+FFFD."""
        if self._written.ending != "stop":
            self._waiting += self._decoder.decode(b"", final=True)
            if not self._cut():
                self._tell(len(self._waiting))
        return self._written

    def _cut(self) -> bool:
        places = [self._waiting.find(mark) for mark in self._stop]
        found = [place for place in places if place >= 0]
        if not found:
            return False
        self._tell(min(found))
        self._written.ending = "stop"
        return True

    def _let_go(self) -> bool:
        """Hand on what can belong to no stop string."""
        longest = max(map(len, self._stop), default=0)
        for held in range(min(longest - 1, len(self._waiting)), 0, -1):
            if any(mark.startswith(self._waiting[-held:]) for mark in self._stop):
                self._tell(len(self._waiting) - held)
                return False
        self._tell(len(self._waiting))
        return False

    def _tell(self, count: int) -> None:
        certain, self._waiting = self._waiting[:count], self._waiting[count:]
        if certain:
            self._written.text += certain
            self._on_text(self._row, certain)
