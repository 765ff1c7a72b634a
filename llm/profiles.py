"""Profiles: small overlays over the profile tiny, written out as params.yaml."""

from __future__ import annotations

import io
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from llm.config import Section, check_params, read_params
from llm.errors import ConfigError
from llm.files import write_text

BASE = "tiny"


def switch_profile(
    name: str,
    *,
    params_path: Path,
    profiles_dir: Path,
    sections: Mapping[str, type[Section]],
    force: bool = False,
) -> None:
    """Write params.yaml from a profile, after checking every setting of it.

    force: overwrite a params.yaml that no profile wrote. Raises ConfigError for an unknown
    profile, a wrong setting in it, or edited settings without `force`.
    """
    text = render_profile(name, profiles_dir=profiles_dir)
    source = _file(name, profiles_dir)
    check_params(_parse(text, source), sections, path=source)
    if params_path.exists() and not force and _edited(params_path, profiles_dir):
        raise ConfigError(
            "The settings were edited since a profile wrote them.",
            where=params_path,
            expected="the settings of one of the profiles: " + ", ".join(names(profiles_dir)),
            remedy=f"keep a copy, then: python -m llm profile {name} --force",
        )
    write_text(params_path, text)
    print(f"{params_path} now holds the profile {name}.")


def names(profiles_dir: Path) -> list[str]:
    """Every profile there is, the base first."""
    found = sorted(path.stem for path in profiles_dir.glob("*.yaml"))
    return sorted(found, key=lambda name: name != BASE)


def render_profile(name: str, *, profiles_dir: Path) -> str:
    """The whole params.yaml of a profile: the base, with the overlay's values in their places.

    Mappings are merged; every other value, lists too, replaces what stood there.
    """
    base = _file(BASE, profiles_dir).read_text(encoding="utf-8")
    if name == BASE:
        return base
    from ruamel.yaml import YAML

    overlay = read_params(_file(name, profiles_dir))
    yaml = YAML()  # keeps the comments of the base
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    settings = yaml.load(base)
    _merge(settings, overlay)
    stream = io.StringIO()
    yaml.dump(settings, stream)
    return f"# Written from the profile {name}.\n" + stream.getvalue()


def _merge(target: Any, overlay: Mapping[str, Any]) -> None:
    for key, value in overlay.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), Mapping):
            _merge(target[key], value)
        else:
            target[key] = value


def _file(name: str, profiles_dir: Path) -> Path:
    path = profiles_dir / f"{name}.yaml"
    if not path.is_file():
        known = names(profiles_dir)
        close = get_close_matches(name, known, n=1)
        raise ConfigError(
            f"There is no profile {name!r}" + (f"; did you mean {close[0]!r}?" if close else "."),
            where=profiles_dir,
            expected="one of: " + ", ".join(known),
            remedy=f"python -m llm profile {close[0] if close else BASE}",
        )
    return path


def _edited(params_path: Path, profiles_dir: Path) -> bool:
    """Whether params.yaml differs in any value from every profile."""
    try:
        present = read_params(params_path)
    except ConfigError:
        return True
    return not any(
        present == _parse(render_profile(name, profiles_dir=profiles_dir), params_path)
        for name in names(profiles_dir)
    )


def _parse(text: str, path: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML

    values = YAML(typ="safe", pure=True).load(text)
    if not isinstance(values, dict):
        raise ConfigError("A profile holds no sections.", where=path, expected="sections")
    return values
