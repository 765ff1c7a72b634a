"""The instruction records: deterministic, many families, held-out words kept apart."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from llm.corpus.synthetic.instructions import FAMILIES, Record, records, write_instructions
from llm.corpus.synthetic.words import FIRST_NAMES, NOUNS, TOWNS, is_held_out, plural

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = list(records(seed=3, count=20_000))


def _words(record: Record) -> set[str]:
    text = f"{record['instruction']}\n{record['input']}\n{record['output']}"
    return set(re.findall(r"[a-z]+", text.lower()))


def test_same_seed_same_bytes_and_other_seed_other_records(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_instructions(tmp_path / name, seed=3, scale=0.05)
    first, second = (
        (tmp_path / name / "instructions.jsonl").read_bytes() for name in ("one", "two")
    )
    assert first == second
    assert list(records(seed=4, count=50)) != RECORDS[:50]


def test_file_holds_one_record_per_line(tmp_path: Path) -> None:
    assert write_instructions(tmp_path, seed=3, scale=1.0) == 20_000
    lines = (tmp_path / "instructions.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == RECORDS
    assert set(RECORDS[0]) == {"instruction", "input", "output", "family", "held_out"}


def test_many_families_on_both_sides() -> None:
    assert len({family.name for family in FAMILIES}) == len(FAMILIES) >= 24
    for held_out in (True, False):
        counts = Counter(r["family"] for r in RECORDS if r["held_out"] == held_out)
        assert set(counts) == {family.name for family in FAMILIES}
        assert max(counts.values()) < 0.06 * counts.total()
    assert 0.05 < sum(record["held_out"] for record in RECORDS) / len(RECORDS) < 0.08


def test_held_out_words_stand_in_no_training_record() -> None:
    """Judged by counting alone: what both sides share are English carrier words, which are many."""
    training = Counter(w for r in RECORDS if not r["held_out"] for w in _words(r))
    held_out = [record for record in RECORDS if record["held_out"]]
    shared = {word for record in held_out for word in _words(record)} & set(training)
    assert not shared & {name.lower() for name in FIRST_NAMES}
    rare = {word for word in shared if training[word] < 8 and len(word) > 1}
    assert not rare, "invented words stand in few records, so a shared one would be rare"
    assert all(_words(record) - set(training) for record in held_out)


def test_content_words_follow_the_rule_shared_with_the_stories() -> None:
    counts = Counter(w for r in RECORDS for w in _words(r))
    content = {word for word, count in counts.items() if count < 8 and len(word) > 1}
    content -= {word.lower() for word in (*FIRST_NAMES, *TOWNS, *NOUNS)}
    content -= {plural(noun) for noun in NOUNS}
    assert len(content) > 1000
    for record in RECORDS:
        for word in _words(record) & content:
            stem = word[:-2] if word.endswith(("xs", "xes", "shes")) else word.removesuffix("s")
            assert is_held_out(word) == record["held_out"] or (
                record["family"] == "plural" and is_held_out(stem) == record["held_out"]
            ), (word, record)


def test_instructions_are_paraphrased_and_short() -> None:
    for family in FAMILIES:
        assert len(set(family.wordings)) >= 3
    assert all(len(r["instruction"] + r["input"]) < 200 for r in RECORDS)
    assert all(1 <= len(re.findall(r"\w+", r["output"])) <= 14 for r in RECORDS)
    assert all(r["input"] and r["output"] == r["output"].strip() for r in RECORDS)
    assert not any(re.search(r"[{}]", r["instruction"]) for r in RECORDS)


def test_answers_cannot_be_known_without_the_input() -> None:
    answers = Counter(record["output"] for record in RECORDS)
    assert answers.most_common(1)[0][1] < 0.005 * len(RECORDS)


def test_the_first_records_do_not_depend_on_the_scale() -> None:
    assert list(islice(records(seed=3, count=2_000_000), 50)) == RECORDS[:50]


def test_memory_stays_bounded(tmp_path: Path) -> None:
    def peak(scale: float) -> int:
        tracemalloc.start()
        write_instructions(tmp_path, seed=1, scale=scale)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(0.01)
    assert peak(0.3) < peak(0.03) + 100_000
