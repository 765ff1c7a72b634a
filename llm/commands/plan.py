"""python -m llm plan: what a pretraining will take, before it begins."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.commands.arguments import fraction, positive
from llm.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from llm.model.config import GPTConfig

_TOKENS = Path("data/tokens/train")
_TIMINGS = Path("data/timings/pretrain.json")


def add(commands: Any) -> None:
    """Add its parser to the subparsers of the command line."""
    plan = commands.add_parser("plan", help="parameters, work, memory, time, cost of pretraining")
    plan.add_argument("--params", type=Path, default=Path("params.yaml"))
    plan.add_argument("--model", help="a published shape in place of params.yaml's, as gpt2-xl")
    plan.add_argument("--tokens", type=positive, help="to train on (default: as params.yaml says)")
    plan.add_argument("--batch-size", type=positive, help="sequences per device")
    plan.add_argument("--devices", type=positive, default=1, help="how many (default 1)")
    plan.add_argument(
        "--utilisation", type=fraction, default=0.4, help="of the peak rate (default 0.4)"
    )
    plan.add_argument("--price", type=float, help="of one device and hour, in any currency")
    plan.add_argument(
        "--tokens-per-second", type=positive, help="measured here (default: the last run's)"
    )
    plan.set_defaults(command=_plan)


def _plan(options: argparse.Namespace) -> None:
    from rich.console import Console

    from llm.planning import MODELS

    if options.model is None:
        config, tokens, batch_size, rate, length = _asked(options)
    elif options.model in MODELS:
        config, tokens, batch_size, rate, length = MODELS[options.model], None, 8, None, None
    else:
        raise ConfigError(
            "There is no such model.",
            where="plan --model",
            found=options.model,
            expected=f"one of {', '.join(MODELS)}",
            remedy="name one of them, or leave --model away to plan for params.yaml",
        )
    tokens = options.tokens or tokens
    if tokens is None:
        raise ConfigError(
            "The number of training tokens is not known.",
            where="plan",
            found="no --tokens, and no data/tokens/train to count them in",
            expected="a number of tokens",
            remedy="say, for example, --tokens 1000000000, or run: dvc repro tokenize",
        )
    console = Console(highlight=False)
    for piece in _plan_page(
        config,
        tokens,
        options.batch_size or batch_size,
        options.tokens_per_second or rate,
        length,
        options,
    ):
        console.print(piece)


def _asked(
    options: argparse.Namespace,
) -> tuple[GPTConfig, int | None, int, float | None, int | None]:
    """Model, tokens, batch size, measured rate and length of texts of what params.yaml trains."""
    from llm.config import Section, check_params, read_params
    from llm.files import read_json
    from llm.model.config import GPTConfig
    from llm.stages import pretrain, train_tokenizer
    from llm.tokens.growing import mean_length
    from llm.tokens.vocabularies import VOCAB_SIZES

    params = read_params(options.params)
    classes: dict[str, type[Section]] = {
        "pretrain": pretrain.Config,
        "train_tokenizer": train_tokenizer.Config,
    }
    sections = check_params(
        {name: params.get(name) for name in classes}, classes, path=options.params
    )
    trained, words = sections["pretrain"], sections["train_tokenizer"]
    assert isinstance(trained, pretrain.Config)
    assert isinstance(words, train_tokenizer.Config)
    size = words.vocab_size or VOCAB_SIZES[words.kind] + len(words.special_tokens)
    training = trained.training
    tokens = None
    if (_TOKENS / "manifest.json").is_file():
        there = read_json(_TOKENS / "manifest.json", made_by="tokenize")["tokens"]
        windows = there / trained.stride
        passes = training.batches(training.steps(windows / training.batch_size))
        tokens = passes * training.batch_size * trained.model.context_length
    rate = None
    if _TIMINGS.is_file():
        rate = read_json(_TIMINGS, made_by="pretrain").get("tokens_per_second")
    length = mean_length(trained.model.context_length, trained.length_warmup_fraction)
    return GPTConfig.of(trained.model, size), tokens, training.batch_size, rate, length


def _plan_page(
    config: GPTConfig,
    tokens: int,
    batch_size: int,
    rate: float | None,
    length: int | None,
    options: argparse.Namespace,
) -> Iterator[RenderableType]:
    from rich.table import Table

    from llm import planning

    parameters = planning.count_parameters(config)
    memory = planning.memory_bytes(config, batch_size=batch_size, devices=options.devices)
    per_parameter = tokens / parameters
    flops = planning.flops_per_token(config, length=length)
    work = Table("what", "how much", title="Training", title_justify="left")
    for name, value in (
        ("parameters", f"{parameters:,}"),
        ("tokens", f"{tokens:,}"),
        (
            "tokens per parameter",
            f"{per_parameter:.3g}; about {planning.CHINCHILLA_TOKENS_PER_PARAMETER} is optimal",
        ),
        ("sequences per batch and device", f"{batch_size:,}"),
        ("FLOPs per token", f"{flops:.4g}"),
        ("FLOPs in all", f"{flops * tokens:.4g}"),
        ("6 N D", f"{planning.training_flops(config, tokens):.4g}"),
    ):
        work.add_row(name, value)
    yield work
    held = Table("part", "GB", title="Memory per device", title_justify="left")
    for part, size in [*memory.items(), ("in all", sum(memory.values()))]:
        held.add_row(part, f"{size / 1e9:.3f}")
    yield held
    times = Table("on", "tokens/s", "time", title="Time", title_justify="left")
    times.add_column("fits")
    if options.price is not None:
        times.add_column("cost")
    for row in planning.estimate(
        config,
        tokens=tokens,
        batch_size=batch_size,
        devices=options.devices,
        utilisation=options.utilisation,
        price_per_hour=options.price,
        measured_tokens_per_second=rate,
    ):
        fits = {True: "yes", False: "no", None: ""}[row.fits]
        cells = [_times(options.devices, row.name), f"{row.tokens_per_second:,.0f}"]
        cells += [_span(row.seconds), fits]
        times.add_row(*cells, *([] if row.cost is None else [f"{row.cost:,.2f}"]))
    yield times


def _times(devices: int, name: str) -> str:
    return name if name == "here" or devices == 1 else f"{devices} × {name}"


def _span(seconds: float) -> str:
    """Seconds as a person reads them."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours = seconds / 3600
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:,.1f} days"
