"""One section of params.yaml becomes one frozen, typed, checked object."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from llm.errors import ConfigError


class Section(BaseModel):
    """Base of every settings class: frozen, keyword-only, strictly typed, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def read_params(path: Path) -> dict[str, Any]:
    """Read params.yaml (YAML 1.2, so that 4e-4 is a number) as plain dictionaries and lists.

    Raises ConfigError where the file is missing, is not YAML, or is not a mapping.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if not path.is_file():
        raise ConfigError(
            "The settings file is missing.",
            where=path,
            expected="a YAML file with one section per stage",
            remedy="write it with: python -m llm profile tiny",
        )
    try:
        params = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(path)
        raise ConfigError(
            "The settings file is not valid YAML.",
            where=place,
            found=getattr(error, "problem", None) or str(error),
            remedy="mend that line, or start again with: python -m llm profile tiny --force",
        ) from error
    if not isinstance(params, dict):
        raise ConfigError(
            "The settings file holds no sections.",
            where=path,
            found=type(params).__name__,
            expected="a mapping of stage names to their settings",
            remedy="write it again with: python -m llm profile tiny --force",
        )
    return params


def check_params(
    params: Mapping[str, Any], sections: Mapping[str, type[Section]], *, path: Path
) -> dict[str, Section]:
    """Check every section against its class and return the typed objects, by section name.

    All faults of all sections are reported in one ConfigError.
    """
    faults = [
        f"{name}: unknown section{_suggestion(str(name), sections)}"
        for name in params
        if name not in sections
    ]
    checked: dict[str, Section] = {}
    for name, section in sections.items():
        if name not in params:
            faults.append(f"{name}: the section is missing")
            continue
        values = params[name]
        try:
            checked[name] = section.model_validate({} if values is None else values)
        except ValidationError as error:
            faults.extend(_describe(name, section, fault) for fault in error.errors())
    if faults:
        raise ConfigError(
            f"{len(faults)} setting{'s are' if len(faults) > 1 else ' is'} wrong:\n    "
            + "\n    ".join(faults),
            where=path,
            remedy="edit these settings; params.schema.json describes every one of them",
        )
    return checked


def json_schema(sections: Mapping[str, type[Section]]) -> dict[str, Any]:
    """The JSON schema of params.yaml, for editors (draft 2020-12)."""
    definitions: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    for name, section in sections.items():
        schema = section.model_json_schema(ref_template="#/$defs/{model}")
        definitions.update(schema.pop("$defs", {}))
        properties[name] = schema
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "params.yaml",
        "type": "object",
        "properties": properties,
        "required": list(sections),
        "additionalProperties": False,
        "$defs": definitions,
    }


def _describe(name: str, section: type[BaseModel], fault: Any) -> str:
    place = ".".join([name, *(str(part) for part in fault["loc"])])
    if fault["type"] == "extra_forbidden":
        fields = _fields_at(section, fault["loc"][:-1])
        return f"{place}: unknown setting{_suggestion(str(fault['loc'][-1]), fields)}"
    if fault["type"] == "missing":
        return f"{place}: the setting is missing"
    message = fault["msg"][0].lower() + fault["msg"][1:]
    if not fault["loc"]:  # a rule about the whole section names the settings in its message
        return f"{place}: {message}"
    return f"{place}: found {fault['input']!r}; {message}"


def _fields_at(section: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """Names of the settings allowed at a place inside a section."""
    schema = section.model_json_schema()
    definitions = schema.get("$defs", {})
    node: dict[str, Any] = schema
    for part in location:
        node = (
            node.get("items", {})
            if isinstance(part, int)
            else node.get("properties", {}).get(part, {})
        )
        candidates = [node, *node.get("anyOf", []), *node.get("oneOf", [])]
        for candidate in candidates:
            if "$ref" in candidate:
                node = definitions[candidate["$ref"].rsplit("/", 1)[-1]]
                break
    return list(node.get("properties", {}))


def _suggestion(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known here: {', '.join(known)}" if known else ""
