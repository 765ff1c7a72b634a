"""How an instruction becomes the prompt that a response is written after, and how that begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

PromptStyle = Literal["alpaca", "phi", "plain"]


def format_prompt(style: PromptStyle, *, instruction: str, given: str = "") -> str:
    """The prompt up to where the response begins.

    alpaca: with headings (Taori et al. 2023, "Stanford Alpaca"). phi: with role marks, as
    Phi-3-mini's chat format. plain: the fewest words, for small models. given: the record's
    input; an empty one is left out with its heading.
    """
    return _STYLES[style](instruction.strip(), given.strip())


def format_response(style: PromptStyle, response: str) -> str:
    """The response as it goes on from its prompt.

    In the plain style it stands on the prompt's line, behind a space: so its first word has the
    same tokens as within a text, which a small model copies much more easily.
    """
    text = response.strip()
    return f" {text}" if style == "plain" and text else text


def _alpaca(instruction: str, given: str) -> str:
    part = f"### Input:\n{given}\n\n" if given else ""
    return (
        "Below is an instruction that describes a task. "
        "Write a response that appropriately completes the request.\n\n"
        f"### Instruction:\n{instruction}\n\n{part}### Response:\n"
    )


def _phi(instruction: str, given: str) -> str:
    part = f"\n{given}" if given else ""
    return f"<|user|>\n{instruction}{part}\n<|assistant|>\n"


def _plain(instruction: str, given: str) -> str:
    part = f"Input: {given}\n" if given else ""
    return f"Instruction: {instruction}\n{part}Response:"


_STYLES: dict[str, Callable[[str, str], str]] = {
    "alpaca": _alpaca,
    "phi": _phi,
    "plain": _plain,
}
assert set(_STYLES) == set(get_args(PromptStyle))
