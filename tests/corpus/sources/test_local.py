"""Files of a folder: those behind links once, and nothing passed over in silence."""

import os
from pathlib import Path

import pytest

from llm.corpus.sources.local import local_files
from llm.errors import InputError


def test_what_links_lead_to_is_taken_once(tmp_path):
    far = tmp_path / "far"
    (far / "deep").mkdir(parents=True)
    (far / "deep" / "a.txt").write_text("one")
    own = tmp_path / "own"
    own.mkdir()
    (own / "folder").symlink_to(far)
    (own / "file.txt").symlink_to(far / "deep" / "a.txt")
    (own / "loop").symlink_to(own)
    (far / "deep" / "back").symlink_to(far)
    found = local_files("s", own, None)
    assert [name for name, _ in found] == ["file.txt", "folder/deep/a.txt"]
    assert {path.read_text() for _, path in found} == {"one"}


@pytest.mark.parametrize(("kind", "told"), [("link", "not there"), ("pipe", "a pipe")])
def test_what_is_no_file_is_not_passed_over(tmp_path, kind, told):
    (tmp_path / "a.txt").write_text("one")
    if kind == "link":
        (tmp_path / "b.txt").symlink_to("nowhere")
    else:
        os.mkfifo(tmp_path / "b.txt")
    with pytest.raises(InputError, match=told) as caught:
        local_files("s", tmp_path, None)
    assert caught.value.details["where"] == tmp_path / "b.txt"


def test_a_folder_that_may_not_be_read(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(InputError, match="Permission denied"):
        local_files("s", tmp_path, None)
