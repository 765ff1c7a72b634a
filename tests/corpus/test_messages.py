"""Labelled messages: what is read, what is refused, and that no near-duplicate is in two splits."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from llm.corpus.messages import (
    MESSAGE_SCHEMA,
    Columns,
    Message,
    message_id,
    message_table,
    read_messages,
    split_messages,
    unique_messages,
    with_clusters,
)
from llm.errors import InputError

CSV = Columns(format="csv", text="text", label="label", positive="spam", negative="ham")
TSV = Columns(format="tsv", text="text", label="label", positive="spam", negative="ham")
FRACTIONS = {"train": 0.7, "validation": 0.1, "test": 0.2}


def _file(folder: Path, content: str | bytes, name: str = "messages.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _message(text: str, label: int = 0) -> Message:
    return Message(id=message_id(text), text=text, label=label)


def test_csv_keeps_quoted_commas_lines_and_further_columns(tmp_path: Path) -> None:
    path = _file(tmp_path, 'n,label,text\n1,ham,"a, b"\n2,spam,"two\nlines ""q"""\n')
    assert [(m.label, m.text) for m in read_messages([path], CSV)] == [
        (0, "a, b"),
        (1, 'two\nlines "q"'),
    ]


def test_tsv_takes_quotation_marks_and_odd_breaks_as_text(tmp_path: Path) -> None:
    path = _file(tmp_path, 'ham\t"open quote\nspam\tb\x85c\td\r\nham\tlast"\n')
    assert [m.text for m in read_messages([path], TSV)] == ['"open quote', "b\x85c\td", 'last"']


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    path = _file(tmp_path, b"\xef\xbb\xbflabel,text\nham,hello\n")
    assert len(read_messages([path], CSV)) == 1


@pytest.mark.parametrize(
    ("content", "columns", "expected"),
    [
        ("text,other\nhello,ham\n", CSV, "no column 'label'"),
        ("", CSV, "no column 'label'"),
        ("label,text,text\nham,a,b\n", CSV, "more than once"),
        ("label,text\nham,fine\neggs,hello\n", CSV, "line 3"),
        ("label,text\nham,   \n", CSV, "no text"),
        ("label,text\nham,a,b\n", CSV, "3 columns"),
        ('label,text\nham,"never closed\n', CSV, "cannot be read"),
        (b"label,text\nham,caf\xe9\n", CSV, "line 2"),
        ("ham no tab\n", TSV, "no tab"),
        ("ham\ta\neggs\tb\n", TSV, "line 2"),
    ],
)
def test_a_bad_row_is_named(
    tmp_path: Path, content: str | bytes, columns: Columns, expected: str
) -> None:
    path = _file(tmp_path, content)
    with pytest.raises(InputError) as caught:
        read_messages([path], columns)
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.details["remedy"]


def test_duplicates_are_kept_once_and_contradictions_not_at_all() -> None:
    messages = [
        _message("Call me"),
        _message("call  ME"),
        _message("win"),
        _message("WIN", label=1),
        _message("other"),
    ]
    kept, dropped = unique_messages(messages)
    assert sorted(m.text for m in kept) == ["Call me", "other"]
    assert dropped == {"exact_duplicates": 1, "conflicting_labels": 2}
    assert unique_messages(messages[::-1])[1] == dropped


def _many(seed: int = 1) -> list[Message]:
    rng = random.Random(seed)
    words = [f"{a}{b}" for a in "bcdfgklmnp" for b in ("ar", "elt", "ond", "ipes", "ust")]
    messages = []
    for group in range(300):
        text = " ".join(rng.choices(words, k=10))
        messages += [
            _message(f"{text} {rng.randint(1000, 9999)}", label=int(group % 7 == 0))
            for _ in range(rng.choice([1, 1, 1, 4]))
        ]
    return with_clusters(unique_messages(messages)[0], similarity=0.7)


def test_texts_that_differ_in_numbers_share_a_cluster() -> None:
    found = with_clusters(
        [
            _message("Your code is 1234, call 0800 555 now"),
            _message("Your code is 99, call 0900 1 now"),
            _message("See you at the harbour tonight"),
        ],
        similarity=0.7,
    )
    assert found[0].cluster == found[1].cluster == found[0].id
    assert found[2].cluster == found[2].id


def test_no_cluster_stands_in_two_splits_and_the_shares_hold() -> None:
    messages = _many()
    splits = split_messages(messages, fractions=FRACTIONS, seed=1)
    assert sorted(m.id for split in splits.values() for m in split) == [m.id for m in messages]
    clusters = {name: {m.cluster for m in split} for name, split in splits.items()}
    assert not clusters["train"] & clusters["test"]
    assert not clusters["train"] & clusters["validation"]
    assert not clusters["validation"] & clusters["test"]
    for label in (0, 1):
        total = sum(m.label == label for m in messages)
        for name, fraction in FRACTIONS.items():
            share = sum(m.label == label for m in splits[name]) / total
            assert abs(share - fraction) < 0.03, (label, name, share)


def test_the_split_depends_on_the_seed_and_not_on_the_order_of_rows() -> None:
    messages = _many()
    shuffled = random.Random(3).sample(messages, k=len(messages))
    again = with_clusters(unique_messages(shuffled)[0], similarity=0.7)
    first = split_messages(messages, fractions=FRACTIONS, seed=1)
    assert split_messages(again, fractions=FRACTIONS, seed=1) == first
    assert split_messages(messages, fractions=FRACTIONS, seed=2) != first


def test_the_table_has_the_schema() -> None:
    table = message_table(_many()[:3])
    assert table.schema.equals(MESSAGE_SCHEMA)
    assert table.num_rows == 3
