"""python -m llm generate and chat: let a trained model write, and see it write."""

from __future__ import annotations

import argparse
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.commands.arguments import positive
from llm.errors import ConfigError

if TYPE_CHECKING:
    from llm.evaluation.writing import Written
    from llm.finetuning.prompts import PromptStyle
    from llm.model.gpt import GPTModel
    from llm.model.sampling import Sampling
    from llm.runtime import Runtime
    from llm.tokens.tokenizer import Tokenizer

_INPUT_MARK = "||"


def add(commands: Any) -> None:
    """Add both parsers to the subparsers of the command line."""
    generate = commands.add_parser("generate", help="let a model go on from a prompt")
    generate.add_argument("prompt", help="how the text begins; '' for a new document")
    _add_choices(generate, weights=Path("data/models/pretrained"), temperature=0.8)
    generate.add_argument("--samples", type=positive, default=1, help="texts (default 1)")
    generate.add_argument(
        "--log-probabilities", action="store_true", help="show how likely each token was"
    )
    generate.set_defaults(command=_generate)

    chat = commands.add_parser("chat", help="give instructions, read responses")
    _add_choices(chat, weights=Path("data/models/instructed"), temperature=0.0)
    chat.add_argument("--params", type=Path, default=Path("params.yaml"))
    chat.set_defaults(command=_chat)


def _add_choices(parser: argparse.ArgumentParser, *, weights: Path, temperature: float) -> None:
    parser.add_argument("--weights", type=Path, default=weights, help=f"default {weights}")
    parser.add_argument("--tokenizer", type=Path, default=Path("data/tokens/tokenizer"))
    parser.add_argument("--tokens", type=positive, default=200, help="at most (default 200)")
    parser.add_argument("--temperature", type=float, default=temperature, help="0: the likeliest")
    parser.add_argument("--top-k", type=int, help="draw from the k likeliest tokens")
    parser.add_argument("--top-p", type=float, help="draw from the fewest that reach p")
    parser.add_argument("--min-p", type=float, help="draw from those p times as likely as the best")
    parser.add_argument("--repetition-penalty", type=float, default=1.0, help="above 1: less")
    parser.add_argument("--stop", action="append", default=[], help="end before this text")
    parser.add_argument("--seed", type=int, help="the same seed draws the same (default: any)")


def _sampling(options: argparse.Namespace) -> Sampling:
    from llm.model.sampling import Sampling

    try:
        if not all(options.stop):
            raise ValueError("stop must not be empty")
        return Sampling(
            temperature=options.temperature,
            top_k=options.top_k,
            top_p=options.top_p,
            min_p=options.min_p,
            repetition_penalty=options.repetition_penalty,
        )
    except ValueError as error:
        raise ConfigError(
            "A choice of how to write is out of its range.",
            where="command line",
            found=str(error),
            remedy="see: python -m llm generate --help",
        ) from error


class _Model:
    """A model that is ready to write, and how it is to write."""

    def __init__(self, options: argparse.Namespace) -> None:
        from llm.model.packed import packed
        from llm.runtime import choose_runtime
        from llm.tokens.tokenizer import load
        from llm.weights.export import load_model

        self.options = options
        self.sampling = _sampling(options)
        self.seed: int = secrets.randbits(31) if options.seed is None else options.seed
        self.tokenizer: Tokenizer = load(options.tokenizer)
        self.runtime: Runtime = choose_runtime(seed=self.seed, precision="auto")
        made_by = f"the stage that writes {options.weights}"
        model = load_model(options.weights, made_by=made_by)
        self.model: GPTModel = packed(model.to(self.runtime.device), autocast=self.runtime.autocast)

    def write(self, prompt: str, *, seed: int) -> Written:
        """Write on, and print what comes as it comes."""
        from llm.evaluation.writing import write

        def show(_row: int, text: str) -> None:
            print(text, end="", flush=True)

        (written,) = write(
            self.model,
            [prompt],
            tokenizer=self.tokenizer,
            maximum_new_tokens=self.options.tokens,
            sampling=self.sampling,
            seeds=[seed],
            stop=self.options.stop,
            on_text=show,
            runtime=self.runtime,
        )
        print()
        return written


def _generate(options: argparse.Namespace) -> None:
    model = _Model(options)
    for number in range(options.samples):
        if options.samples > 1:
            print(f"--- {number + 1} of {options.samples}, seed {model.seed + number}")
        print(options.prompt, end="", flush=True)
        written = model.write(options.prompt, seed=model.seed + number)
        if options.log_probabilities:
            for token_id, value in zip(written.token_ids, written.log_probabilities, strict=True):
                print(f"{value:9.3f}  {model.tokenizer.decode_written([token_id])!r}")


def _chat(options: argparse.Namespace) -> None:
    from llm.finetuning.prompts import format_prompt

    style = _style(options.params)
    model = _Model(options)
    print(f"An instruction per line; what it works on behind {_INPUT_MARK}. Ctrl-D leaves.")
    turn = 0
    while True:
        try:
            line = input("> ")
        except EOFError:
            print()
            return
        if not line.strip():
            continue
        instruction, _, given = line.partition(_INPUT_MARK)
        try:
            model.write(
                format_prompt(style, instruction=instruction, given=given),
                seed=model.seed + turn,
            )
        except KeyboardInterrupt:  # enough of this response
            print(file=sys.stderr)
        turn += 1


def _style(params: Path) -> PromptStyle:
    """The style in which the instructed model was tuned."""
    from llm.config import check_params, read_params
    from llm.stages.finetune_instructions import Config

    name = "finetune_instructions"
    section = check_params({name: read_params(params).get(name)}, {name: Config}, path=params)[name]
    assert isinstance(section, Config)
    return section.prompt_style
