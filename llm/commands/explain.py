"""python -m llm explain: a picture of what a model makes of a text."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from llm.commands.arguments import positive
from llm.errors import ConfigError

_SUFFIXES = (".png", ".svg", ".pdf")


def add(commands: Any) -> None:
    """Add its parser to the subparsers of the command line."""
    explain = commands.add_parser("explain", help="draw what a model attends to and expects")
    explain.add_argument("text", help="what the model reads")
    explain.add_argument("--weights", type=Path, default=Path("data/models/pretrained"))
    explain.add_argument("--tokenizer", type=Path, default=Path("data/tokens/tokenizer"))
    explain.add_argument("--layer", type=positive, help="from 1 (default: the last)")
    explain.add_argument("--output", type=Path, default=Path("data/explained.png"))
    explain.set_defaults(command=_explain)


def _explain(options: argparse.Namespace) -> None:
    from llm.inspection.explain import draw, explain
    from llm.tokens.tokenizer import load
    from llm.weights.export import load_model

    tokenizer = load(options.tokenizer)
    model = load_model(options.weights, made_by=f"the stage that writes {options.weights}")
    layers = model.config.n_layers
    layer = options.layer or layers
    if layer > layers:
        raise _wrong("--layer", layer, f"1 to {layers}")
    if options.output.suffix.lower() not in _SUFFIXES:
        raise _wrong("--output", options.output, f"a name that ends in {', '.join(_SUFFIXES)}")
    try:
        found = explain(model, tokenizer, options.text)
    except ValueError as error:
        raise _wrong("the text", error, "a shorter text") from error
    draw(found, layer=layer - 1, path=options.output)
    for name, probability in found.expected:
        print(f"{probability:7.1%}  {name}")
    print(f"The picture: {options.output}")


def _wrong(where: str, found: object, expected: str) -> ConfigError:
    return ConfigError(
        "The text cannot be explained so.",
        where=f"explain, {where}",
        found=found,
        expected=expected,
        remedy="see: python -m llm explain --help",
    )
