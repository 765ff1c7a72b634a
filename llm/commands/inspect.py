"""python -m llm inspect: show any artefact in the terminal."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from llm.commands.arguments import positive, whole
from llm.errors import ConfigError, InputError


def add(commands: Any) -> None:
    """Add its parser to the subparsers of the command line."""
    look = commands.add_parser("inspect", help="show any artefact in the terminal, paged")
    look.add_argument("path", type=Path, help="a file or folder, as data/documents/rejects")
    look.add_argument(
        "--only", action="append", default=[], metavar="COLUMN=VALUE", help="items with this value"
    )
    look.add_argument("--limit", type=whole, default=20, help="items; 0 for all (default 20)")
    look.add_argument(
        "--from", dest="start", type=positive, default=1, metavar="N", help="first item (default 1)"
    )
    look.add_argument(
        "--characters", type=whole, default=1_000, help="of each text; 0 for all (default 1,000)"
    )
    look.add_argument("--tokenizer", type=Path, help="its folder (default: beside the shards)")
    look.set_defaults(command=_inspect)


def _inspect(options: argparse.Namespace) -> None:
    from llm.inspection.artefacts import recognise
    from llm.inspection.screen import show
    from llm.inspection.views import View, view

    only = {}
    for choice in options.only:
        column, sign, value = choice.partition("=")
        if not sign or not column:
            raise ConfigError(
                "A choice of items cannot be read.",
                where="inspect --only",
                found=choice,
                expected="COLUMN=VALUE",
                remedy="say, for example: --only reason=too_short",
            )
        only[column] = value
    wanted = View(
        limit=options.limit,
        start=options.start,
        characters=options.characters,
        only=only,
        tokenizer=options.tokenizer,
    )
    try:
        show(view(recognise(options.path), wanted))
    except PermissionError as error:
        raise InputError(
            "This cannot be read.",
            where=options.path,
            found=f"no permission for {error.filename}",
            expected="files that you may read",
            remedy="ask their owner, or run as their owner",
        ) from error
