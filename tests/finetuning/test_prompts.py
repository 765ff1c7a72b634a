"""Prompts: every style holds what is asked, and an empty input leaves no heading behind."""

from __future__ import annotations

from typing import get_args

import pytest

from llm.finetuning.prompts import PromptStyle, format_prompt, format_response


@pytest.mark.parametrize("style", get_args(PromptStyle))
def test_a_prompt_holds_instruction_and_input(style: PromptStyle) -> None:
    prompt = format_prompt(style, instruction=" Sort these. ", given="pear, apple")
    assert prompt.index("Sort these.") < prompt.index("pear, apple")
    assert prompt != format_prompt(style, instruction="Sort these.", given="apple, pear")


@pytest.mark.parametrize("style", get_args(PromptStyle))
def test_an_empty_input_leaves_no_heading(style: PromptStyle) -> None:
    prompt = format_prompt(style, instruction="Say hello.", given="  ")
    assert prompt == format_prompt(style, instruction="Say hello.")
    assert "Input:" not in prompt


def test_the_styles_are_those_of_the_papers() -> None:
    assert format_prompt("phi", instruction="Hi", given="x") == "<|user|>\nHi\nx\n<|assistant|>\n"
    alpaca = format_prompt("alpaca", instruction="Hi", given="x")
    assert alpaca.endswith("### Instruction:\nHi\n\n### Input:\nx\n\n### Response:\n")


def test_a_plain_response_goes_on_in_its_line() -> None:
    assert format_prompt("plain", instruction="Hi").endswith("Response:")
    assert format_response("plain", "yes\n") == " yes"
    assert format_response("alpaca", " yes\n") == "yes"
    assert format_response("plain", "") == ""
