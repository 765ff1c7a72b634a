"""python -m llm classify: the classes of texts, by the fine-tuned classifier."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from llm.commands.arguments import fraction
from llm.errors import ConfigError, InputError

_STAGE = "finetune_classifier"
_BATCH_SIZE = 32  # texts that pass the model side by side; at a terminal, each on its own


def add(commands: Any) -> None:
    """Add its parser to the subparsers of the command line."""
    classify = commands.add_parser(
        "classify", help="tell the class of texts: label, its probability, text"
    )
    classify.add_argument(
        "texts", nargs="*", metavar="TEXT", help="default: each line of standard input"
    )
    classify.add_argument("--weights", type=Path, default=Path("data/models/classifier"))
    classify.add_argument("--tokenizer", type=Path, default=Path("data/tokens/tokenizer"))
    classify.add_argument("--params", type=Path, default=Path("params.yaml"))
    classify.add_argument("--metrics", type=Path, default=Path(f"data/metrics/{_STAGE}.json"))
    classify.add_argument(
        "--threshold",
        type=fraction,
        help="from this probability on a text is of the class to find (default: the one chosen "
        "in training, as its metrics tell)",
    )
    classify.set_defaults(command=_classify)


def _classify(options: argparse.Namespace) -> None:
    from llm.files import read_manifest
    from llm.finetuning.classification import class_probabilities, classification_examples
    from llm.runtime import choose_runtime
    from llm.tokens.tokenizer import load
    from llm.weights.export import load_classifier

    maximum_tokens = _maximum_tokens(options.params)
    threshold: float = options.threshold or _chosen_threshold(options.metrics)
    tokenizer = load(options.tokenizer)
    runtime = choose_runtime(seed=0, precision="auto")
    model = load_classifier(options.weights, made_by=_STAGE).to(runtime.device)
    manifest = read_manifest(options.weights, made_by=_STAGE)
    if manifest["tokenizer"] != tokenizer.fingerprint:
        raise InputError(
            "The classifier was trained with another tokenizer.",
            where=options.tokenizer,
            found=tokenizer.fingerprint,
            expected=manifest["tokenizer"],
            remedy="name its own with --tokenizer, or make it again: dvc repro",
        )
    for texts in _batches(options.texts):
        probabilities = class_probabilities(
            model,
            classification_examples(
                texts, [0] * len(texts), tokenizer=tokenizer, maximum_tokens=maximum_tokens
            ),
            batch_size=_BATCH_SIZE,
            maximum_tokens=maximum_tokens,
            runtime=runtime,
        )
        for text, positive in zip(texts, probabilities.tolist(), strict=True):
            found = positive >= threshold
            label = manifest["classes"][int(found)]
            print(f"{label}\t{positive if found else 1 - positive:.4f}\t{text}", flush=True)


def _batches(given: list[str]) -> Iterator[list[str]]:
    """The texts in their order, some at a time, blank ones left out; ConfigError if none is left.

    given: texts of the command line; without any, the lines of standard input are read, in which
    bytes that are no UTF-8 become the replacement character.
    """
    lines: Iterable[str] = given
    size = _BATCH_SIZE
    if not given:
        assert isinstance(sys.stdin, io.TextIOWrapper), "a stream of text"
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
        lines = sys.stdin
        if sys.stdin.isatty():
            size = 1
            print("A text per line. Ctrl-D leaves.", file=sys.stderr)
    texts = (line.strip() for line in lines if line.strip())
    some = list(islice(texts, size))
    if not some:
        raise ConfigError(
            "There is no text to classify.",
            where="command line" if given else "standard input",
            found="nothing but white space",
            expected="a text, or several",
            remedy="see: python -m llm classify --help",
        )
    while some:
        yield some
        some = list(islice(texts, size))


def _maximum_tokens(params: Path) -> int:
    """How much of a text the classifier has learned to read."""
    from llm.config import check_params, read_params
    from llm.stages.finetune_classifier import Config

    section = check_params({_STAGE: read_params(params).get(_STAGE)}, {_STAGE: Config}, path=params)
    config = section[_STAGE]
    assert isinstance(config, Config)
    return config.maximum_tokens


def _chosen_threshold(metrics: Path) -> float:
    """The probability that told the classes apart best on the validation."""
    from llm.files import read_json

    found = read_json(metrics, made_by=_STAGE)
    if not isinstance(found, dict) or "threshold" not in found:
        raise InputError(
            "The metrics hold no threshold.",
            where=metrics,
            expected=f"the metrics of the stage {_STAGE}",
            remedy=f"make them again: dvc repro --force {_STAGE}; or give --threshold",
        )
    return float(found["threshold"])
