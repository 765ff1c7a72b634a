"""generate and chat, as a person runs them."""

import subprocess
import sys

import pytest
import torch

from llm.model.config import GPTConfig
from llm.model.gpt import GPTModel
from llm.tokens.tokenizer import train
from llm.weights.export import save_model

TEXT = "the cat sat on the mat and the dog ran to the red house with a big ball " * 20


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Options that name a small model and its tokenizer."""
    home = tmp_path_factory.mktemp("models")
    tokenizer = train([TEXT], vocab_size=290)
    tokenizer.save(home / "tokenizer")
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
    save_model(GPTModel(config), home / "weights", tokenizer=tokenizer.fingerprint)
    return ["--weights", str(home / "weights"), "--tokenizer", str(home / "tokenizer")]


def run(arguments, root, **more):
    command = [sys.executable, "-m", "llm", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, check=False, timeout=120, **more)


def test_a_seed_writes_the_same_again_and_probabilities_are_shown(trained, root):
    command = ["generate", "the cat", "--tokens", "12", "--seed", "5", *trained]
    one, two = run(command, root), run([*command, "--log-probabilities"], root)
    assert one.returncode == two.returncode == 0, one.stderr
    assert one.stdout.startswith(b"the cat") and len(one.stdout) > len(b"the cat\n")
    assert two.stdout.startswith(one.stdout)
    assert 1 <= two.stdout[len(one.stdout) :].count(b"  '") <= 12


def test_several_texts_name_their_seeds(trained, root):
    done = run(["generate", "a", "--tokens", "3", "--seed", "5", "--samples", "2", *trained], root)
    assert b"1 of 2, seed 5" in done.stdout and b"2 of 2, seed 6" in done.stdout


def test_a_setting_out_of_range_is_told_with_exit_2(trained, root):
    done = run(["generate", "a", "--top-p", "7", *trained], root)
    assert done.returncode == 2 and b"top_p" in done.stderr and b"Traceback" not in done.stderr


def test_missing_weights_are_told_with_exit_3(trained, root, tmp_path):
    done = run(["generate", "a", *trained, "--weights", str(tmp_path / "none")], root)
    assert done.returncode == 3 and b"none" in done.stderr


def test_chat_answers_each_line_and_leaves_at_the_end(trained, root):
    done = run(
        ["chat", "--tokens", "5", *trained], root, input=b"Repeat the word.||cat\n\nSay it.\n"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b"> ") == 4  # two instructions, an empty line, the end
