"""What code stands on: files of ours and packages of others, at any depth, but not for types."""

import pytest

from llm.code import imported_code


@pytest.fixture
def checkout(tmp_path):
    for name, text in {
        "llm/__init__.py": '"""Nothing."""\n',
        "llm/a.py": "import re\nfrom typing import TYPE_CHECKING\nfrom llm.room.b import f\n"
        "if TYPE_CHECKING:\n    import torch\n    from llm import unseen\n",
        "llm/room/__init__.py": "X = 1\n",
        "llm/room/b.py": "def f():\n    import pyarrow.compute\n    from llm.c import g\n"
        "    return 'page.html'\n",
        "llm/room/page.html": "<p>",
        "llm/c.py": "from ftfy import fix\n",
        "llm/unseen.py": "import llm.a\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_files_and_packages_at_any_depth(checkout):
    code = imported_code("llm/a.py", checkout)
    assert code.files == [
        "llm/a.py",
        "llm/c.py",
        "llm/room/__init__.py",
        "llm/room/b.py",
        "llm/room/page.html",
    ]
    assert code.packages == ["ftfy", "pyarrow", "re", "typing"]


def test_a_file_left_out_takes_what_only_it_imports_with_it(checkout):
    code = imported_code("llm/a.py", checkout, without={"llm/room/b.py"})
    assert code.files == ["llm/a.py", "llm/room/__init__.py"]
    assert "ftfy" not in code.packages
