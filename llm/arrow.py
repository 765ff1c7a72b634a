"""pyarrow without pandas, which it would import for its first array."""

from __future__ import annotations

import sys


class _Missing:
    """An import hook that finds pandas missing."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("not looked for", name=name)


def spare_pandas() -> None:
    """Let pyarrow make its first array and find no pandas; it then looks for none until a table
    is to become a data frame, which still works.

    Importing pandas takes a process longer than all else that cleaning or dedupe imports.
    """
    import pyarrow as pa

    hook = _Missing()
    sys.meta_path.insert(0, hook)
    try:
        pa.array([""])
    finally:
        sys.meta_path.remove(hook)
