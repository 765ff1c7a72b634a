"""Fill the base model from GPT-2's weights, or from our own sent through GPT-2's format."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from llm.config import Section

if TYPE_CHECKING:
    from llm.model.gpt import GPTModel

COMPARED_TEXTS = 2
COMPARED_TOKENS = 64
ROUNDING = 1e-4  # of a logit; without qkv_bias a bias of zeros is added on the way


class Config(Section):
    """Which weights the fine-tunings start from."""

    source: Literal["pretrained", "weights"] = Field(
        description="pretrained: our own, written to the Hugging Face GPT-2 layout (or Llama's, "
        "where the shape is Llama's) and read back; of any other shape, as they are. "
        "weights: the safetensors file that a download source with holds: weights brought."
    )
    drop_rate: float = Field(
        ge=0.0, lt=1.0, description="Fraction dropped in the base model when it is trained on."
    )


def run(
    config: Config, *, pretrained: Path, raw_weights: Path, tokenizer: Path, base: Path
) -> dict[str, Any]:
    """Write the base model's folder and return its size and origin.

    From our own weights, also the largest difference of a logit before and after the round trip.
    Raises InputError where the weights are missing, torn, no GPT-2 or of another vocabulary.
    """
    from llm.tokens.tokenizer import load
    from llm.weights.export import count_parameters, save_model

    speaker = load(tokenizer)
    metrics: dict[str, Any] = {"source": config.source}
    if config.source == "pretrained":
        model, metrics["max_logit_difference"], origin = _round_trip(
            pretrained, base, drop_rate=config.drop_rate, end_of_text=speaker.end_of_text
        )
    else:
        model, origin = _from_file(raw_weights, drop_rate=config.drop_rate)
    _check_vocabulary(model.config.vocab_size, speaker.vocab_size, tokenizer)
    facts = {**origin, "source": config.source, "tokenizer": speaker.fingerprint}
    save_model(model, base, **facts)
    shape = model.config.model_dump(exclude_defaults=True)
    metrics |= {"parameters": count_parameters(model), **shape}
    print(f"A base model of {metrics['parameters']:,} parameters from {origin['name']}.")
    return metrics


def _round_trip(
    pretrained: Path, base: Path, *, drop_rate: float, end_of_text: int
) -> tuple[GPTModel, float, dict[str, Any]]:
    """Our weights through a published layout; the largest change of a logit; where they are from.

    GPT-2's, or Llama's where the model is made of its parts; a mixture of both has none, and comes
    as it is.
    """
    from llm.files import read_manifest
    from llm.weights.export import load_model
    from llm.weights.gpt2 import is_gpt2, load_gpt2, save_gpt2
    from llm.weights.llama import is_llama, load_llama, save_llama
    from llm.weights.tensors import WEIGHTS

    ours = load_model(pretrained, made_by="pretrain")
    passage = base.with_name(f".{base.name}.gpt2")
    shutil.rmtree(passage, ignore_errors=True)  # of a killed run
    try:
        if is_gpt2(ours.config):
            save_gpt2(ours, passage, end_of_text=end_of_text)
            model = load_gpt2(passage / WEIGHTS, drop_rate=drop_rate, made_by="import_gpt2")
        elif is_llama(ours.config):
            save_llama(ours, passage, end_of_text=end_of_text)
            model = load_llama(passage / WEIGHTS, drop_rate=drop_rate, made_by="import_gpt2")
        else:
            model = _with_dropout(ours, drop_rate)
    finally:
        shutil.rmtree(passage, ignore_errors=True)
    difference = _largest_difference(ours, model)
    if difference > ROUNDING:  # our fault, not the reader's
        raise RuntimeError(f"a logit changed by {difference} on the way through the layout")
    sha256 = read_manifest(pretrained, made_by="pretrain")["files"][WEIGHTS]["sha256"]
    return model, difference, {"name": "our own pretraining", "sha256": sha256}


def _with_dropout(model: GPTModel, drop_rate: float) -> GPTModel:
    """The same weights in a model that drops at another rate."""
    import torch

    from llm.model.gpt import GPTModel

    with torch.device("meta"):
        other = GPTModel(model.config.model_copy(update={"drop_rate": drop_rate}))
    other.load_state_dict(model.state_dict(), assign=True)
    return other.eval()


def _from_file(raw_weights: Path, *, drop_rate: float) -> tuple[GPTModel, dict[str, Any]]:
    """The one safetensors file that was downloaded, and its row of the download's manifest."""
    from llm.errors import InputError
    from llm.files import read_manifest
    from llm.weights.gpt2 import load_gpt2

    rows = read_manifest(raw_weights, made_by="download")["sources"]
    found = [row for row in rows if row["file"].endswith(".safetensors")]
    if len(found) != 1:
        raise InputError(
            "There is no weights file." if not found else "There are several weights files.",
            where=raw_weights,
            found=", ".join(row["file"] for row in rows) or "no file",
            expected="exactly one .safetensors file, with a config.json where it is not GPT-2's",
            remedy="name its source under download.sources with holds: weights, "
            "or set import_gpt2.source to pretrained",
        )
    model = load_gpt2(raw_weights / found[0]["file"], drop_rate=drop_rate, made_by="download")
    kept = ("name", "url", "sha256", "licence")
    return model, {key: found[0][key] for key in kept}


def _largest_difference(ours: GPTModel, theirs: GPTModel) -> float:
    """The largest absolute difference of a logit between two models on random token ids."""
    import torch

    generator = torch.Generator().manual_seed(0)
    size = (COMPARED_TEXTS, min(COMPARED_TOKENS, ours.config.context_length))
    token_ids = torch.randint(ours.config.vocab_size, size, generator=generator)  # (B, T)
    with torch.inference_mode():
        return float((ours(token_ids) - theirs(token_ids)).abs().max())


def _check_vocabulary(of_weights: int, of_tokenizer: int, tokenizer: Path) -> None:
    from llm.errors import InputError

    if of_weights != of_tokenizer:
        raise InputError(
            "The weights and the tokenizer have different vocabularies.",
            where=tokenizer,
            found=f"{of_tokenizer:,} tokens",
            expected=f"{of_weights:,} tokens, as the weights",
            remedy="for GPT-2's weights set train_tokenizer.kind to gpt2 and special_tokens to [], "
            "or import_gpt2.source to pretrained",
        )
