"""Pretrain a GPT on the token shards, and hold it against a trigram model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from llm.config import Section
from llm.model.config import ModelShape
from llm.tracking import Tracker
from llm.training.config import TrainingConfig

if TYPE_CHECKING:
    from llm.tokens.tokenizer import Tokenizer
    from llm.tokens.windows import Windows
    from llm.training.next_token import NextTokenTask
    from llm.training.task import Loader


# Read by the trigram model, which keeps all that it read several times over; documents stand in
# the order of a hash, so the first ones are a fair sample.
TRIGRAM_TOKENS = 2**24


class Config(Section):
    """The model, how it reads the text, how it is trained and what it writes on the way."""

    seed: int = Field(ge=0, description="seeds weights, order of the windows and dropout")
    model: ModelShape = Field(description="the shape of the GPT")
    stride: int = Field(ge=1, description="tokens between the starts of two windows")
    separate_documents: bool = Field(
        False,
        description="whether the documents that share a window are read as if each stood alone: "
        "none sees another, and positions begin anew with each",
    )
    z_loss: float = Field(
        0.0,
        ge=0,
        description="weight of the squared logarithm of the softmax's sum in the training loss",
    )
    length_warmup_fraction: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of all batches whose windows are read in 8, then 4, then 2 pieces",
    )
    training: TrainingConfig = Field(description="how long and how strongly")
    evaluation_tokens: int | None = Field(
        None,
        ge=2,
        description="validation tokens read by the evaluations on the way; null: all of them. "
        "The last measurement always reads all",
    )
    sample_every_steps: int | None = Field(
        None, ge=1, description="steps between two texts that the model writes; null: none"
    )
    sample_prompt: str = Field("", description="how these texts begin; empty: a new document")
    sample_tokens: int = Field(60, ge=1, description="length of these texts, tokens")

    @model_validator(mode="after")
    def _check(self) -> Config:
        if self.stride > self.model.context_length:
            raise ValueError(
                f"stride ({self.stride}) is above model.context_length "
                f"({self.model.context_length}): tokens between two windows would never be read"
            )
        return self


def run(
    config: Config,
    *,
    train: Path,
    validation: Path,
    tokenizer: Path,
    validated: Path,
    weights: Path,
    history: Path,
    samples: Path,
    checkpoints: Path,
    tracker: Tracker,
    drift: Path | None = None,
) -> dict[str, Any]:
    """Train from the shards in `train`, write weights, history and samples, return the metrics.

    validated, drift: the outcomes of validate_tokens and validate_drift, which must exist.
    checkpoints: the root below which this very training keeps its state until it has succeeded.
    """
    from llm.evaluation.perplexity import TrigramModel, bits_per_byte, mean_loss
    from llm.files import require, write_json
    from llm.model.config import GPTConfig
    from llm.model.gpt import GPTModel
    from llm.runtime import choose_runtime
    from llm.tokens.shards import read_facts
    from llm.tokens.stream import open_tokens
    from llm.tokens.tokenizer import load
    from llm.tokens.windows import Windows
    from llm.training import checkpoint
    from llm.training.loop import train as run_training
    from llm.weights.export import count_parameters, save_model

    require(validated, made_by="validate_tokens")
    if drift:
        require(drift, made_by="validate_drift")
    words = load(tokenizer)
    train_ids = open_tokens(train, tokenizer=words)
    validation_ids = open_tokens(validation, tokenizer=words)
    runtime = choose_runtime(
        seed=config.seed,
        precision=config.training.precision,
        compile=config.training.compile,
    )
    model = GPTModel(GPTConfig.of(config.model, words.vocab_size))
    windows = Windows(
        token_ids=train_ids, context_length=config.model.context_length, stride=config.stride
    )
    folder = checkpoint.keyed(
        checkpoints,
        config.model_dump(),
        train,
        validation,
        tokenizer,
        *checkpoint.code_files("model", "tokens", "training"),
    )
    found = run_training(
        model,
        _task(config, validation_ids[: config.evaluation_tokens], words, runtime.autocast),
        _loader(config, windows, words, train),
        config=config.training,
        runtime=runtime,
        seed=config.seed,
        checkpoints=folder,
        tracker=tracker,
        name="pretraining",
        sample_every_steps=config.sample_every_steps,
    )
    loss = mean_loss(
        model,
        validation_ids,
        batch_size=config.training.batch_size,
        autocast=runtime.autocast,
        end_of_text=_border(config, words),
    )
    trigram = TrigramModel(train_ids[:TRIGRAM_TOKENS].astype("int64"), words.vocab_size).loss(
        validation_ids
    )
    n_bytes = read_facts(validation)["bytes"]
    print(f"pretraining: validation loss {loss:.4f}, trigram model {trigram:.4f}", flush=True)
    save_model(model, weights, tokenizer=words.fingerprint)
    found.write_csv(history)
    write_json(samples, found.samples)
    tracker.register_model("pretrained", weights)
    checkpoint.clear(folder)
    return {
        "validation_loss": loss,
        "trigram_loss": trigram,
        "bits_per_byte": bits_per_byte(loss * (len(validation_ids) - 1), n_bytes),
        "train_loss": found.last["train_loss"],
        "parameters": count_parameters(model),
        "steps": found.steps,
        "epochs": found.last["epoch"],
        "tokens_seen": found.tokens,
        **found.incident_metrics(),
        "train_tokens": len(train_ids),
        "validation_tokens": len(validation_ids),
    }


def _border(config: Config, words: Tokenizer) -> int | None:
    """The id at which documents are to be kept apart, or None where they are not."""
    return words.end_of_text if config.separate_documents else None


def _loader(config: Config, windows: Windows, words: Tokenizer, train: Path) -> Loader:
    from functools import partial

    from llm.tokens.growing import GrowingWindows
    from llm.tokens.loader import WindowLoader
    from llm.tokens.naming import documents_at

    loader = WindowLoader(
        windows,
        batch_size=config.training.batch_size,
        seed=config.seed,
        end_of_text=_border(config, words),
        documents_at=partial(documents_at, train),
    )
    if not config.length_warmup_fraction:
        return loader
    batches = config.training.batches(config.training.steps(loader.batches_per_epoch))
    return GrowingWindows(loader, batches=round(config.length_warmup_fraction * batches))


def _task(config: Config, validation_ids: Any, words: Tokenizer, autocast: bool) -> NextTokenTask:
    from llm.evaluation.perplexity import mean_loss
    from llm.model.generate import generate
    from llm.model.gpt import GPTModel
    from llm.model.packed import ready_to_write
    from llm.training.next_token import NextTokenTask

    prompt = words.encode(config.sample_prompt) or [words.end_of_text]

    def validation_loss(model: GPTModel) -> float:
        return mean_loss(
            model,
            validation_ids,
            batch_size=config.training.batch_size,
            autocast=autocast,
            end_of_text=_border(config, words),
        )

    def write(model: GPTModel) -> str:
        with ready_to_write(model, autocast=autocast) as ready:
            (written,) = generate(
                ready,
                [prompt],
                maximum_new_tokens=config.sample_tokens,
                end_of_text=words.end_of_text,
            )
        return config.sample_prompt + words.decode_written(written)

    return NextTokenTask(validation_loss=validation_loss, write=write, z_loss=config.z_loss)
