"""classify, as a person runs it."""

import json
import subprocess
import sys

import pytest
import torch

from llm.model.classifier import Classifier
from llm.model.config import GPTConfig
from llm.model.gpt import GPTModel
from llm.tokens.tokenizer import train
from llm.weights.export import save_classifier

TEXT = "the cat sat on the mat and the dog ran to the red house with a big ball " * 20


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A small classifier, its tokenizer, another one, and the metrics of its training."""
    home = tmp_path_factory.mktemp("models")
    tokenizer = train([TEXT], vocab_size=290)
    tokenizer.save(home / "tokenizer")
    train([TEXT], vocab_size=280).save(home / "other")
    torch.manual_seed(1)
    config = GPTConfig(
        vocab_size=290,
        context_length=64,
        emb_dim=32,
        n_heads=2,
        n_layers=2,
        drop_rate=0.0,
        qkv_bias=True,
        tie_embeddings=True,
    )
    model = Classifier(GPTModel(config), n_classes=2)
    torch.nn.init.normal_(model.class_head.weight, std=0.2)  # so that texts differ
    facts = {"tokenizer": tokenizer.fingerprint, "classes": ["ham", "spam"]}
    save_classifier(model, home / "weights", **facts)
    (home / "metrics.json").write_text(json.dumps({"threshold": 0.5}))
    (home / "others.json").write_text(json.dumps({"f1": 0.9}))
    return home


@pytest.fixture
def classify(home, root):
    def run(*texts, **more):
        options = {"weights": "weights", "tokenizer": "tokenizer", "metrics": "metrics.json"}
        given = {name: more.pop(name, str(home / at)) for name, at in options.items()}
        flags = [word for name, value in given.items() for word in (f"--{name}", value)]
        command = [sys.executable, "-m", "llm", "classify", *flags, *texts]
        return subprocess.run(
            command, cwd=root, capture_output=True, check=False, timeout=120, **more
        )

    return run


def rows(done):
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.decode().splitlines()]


def test_arguments_and_lines_give_the_same_in_their_order(classify):
    texts = ["the cat", "a big red house with the dog", "ball"] + [f"the {n}" for n in range(40)]
    said = rows(classify(*texts))
    assert [text for _, _, text in said] == texts
    assert {label for label, _, _ in said} == {"ham", "spam"}
    assert all(0.5 <= float(probability) <= 1 for _, probability, _ in said)
    lines = "\n\n".join(texts).encode() + b"\n"
    assert rows(classify(input=lines)) == said


def test_a_threshold_moves_the_label_and_its_probability(classify):
    ((label, probability, _),) = rows(classify("the cat", "--threshold", "0.0001"))
    ((other, rest, _),) = rows(classify("the cat", "--threshold", "0.9999"))
    assert (label, other) == ("spam", "ham")
    assert float(probability) + float(rest) == pytest.approx(1, abs=2e-4)


def test_bytes_that_are_no_text_are_classified_too(classify):
    ((_, _, text),) = rows(classify(input=b"the \xff cat\n"))
    assert text == "the \ufffd cat"


@pytest.mark.parametrize("more", [{"input": b" \n\n"}, {"args": [" "]}])
def test_nothing_to_classify_is_told_with_exit_2(classify, more):
    done = classify(*more.pop("args", []), **more)
    assert done.returncode == 2 and b"no text to classify" in done.stderr


def test_a_threshold_out_of_range_is_told_with_exit_2(classify):
    assert classify("the cat", "--threshold", "7").returncode == 2


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"weights": "nowhere"}, b"nowhere"),
        ({"metrics": "nowhere.json"}, b"nowhere.json"),
        ({"metrics": "others.json"}, b"no threshold"),
        ({"tokenizer": "other"}, b"another tokenizer"),
    ],
)
def test_what_is_missing_or_does_not_fit_is_told_with_exit_3(classify, home, more, word):
    done = classify("the cat", **{name: str(home / value) for name, value in more.items()})
    assert done.returncode == 3 and word in done.stderr and b"Traceback" not in done.stderr
