"""Settings that people write in TOML: read, checked, and refused in plain words."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from scripts.common.errors import UsageError

Settings = TypeVar("Settings", bound=BaseModel)

# By kind of pydantic's errors, whose own words are those of programmers.
WORDS = {
    "missing": "is missing",
    "greater_than": "must be greater than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "literal_error": "must be {expected}",
    "too_short": "needs {min_length} or more",
    "finite_number": "must be a finite number",
    "value_error": "{error}",  # one of the project's own checks
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "string_type": "must be text in quotes",
    "list_type": "must be a list: [...]",
    "dict_type": "must be a section with keys of its own",
    "model_type": "must be a section with keys of its own",
}


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file. Raises UsageError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not TOML: {error}") from error


def check_settings(kind: type[Settings], content: Mapping[str, Any], where: str) -> Settings:
    """Return checked settings. Raises UsageError with the first wrong key, of those in `where`."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise UsageError(f"{where}{_first_problem(error, kind)}") from error


def _first_problem(error: ValidationError, kind: type[BaseModel]) -> str:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = ", ".join(_section(kind, first["loc"]).model_fields)
        return f"{key}: there is no such setting; there are {known}"
    words = WORDS.get(first["type"], first["msg"]).format(**first.get("ctx", {}))
    given = first["input"]
    shown = f", not {given!r}" if isinstance(given, str | int | float) else ""
    return f"{key}: {words}{shown}"


def _section(kind: type[BaseModel], path: tuple[int | str, ...]) -> type[BaseModel]:
    """Return the model of the section in which the last part of a path lies."""
    for part in path[:-1]:
        if isinstance(part, str):
            annotation = kind.model_fields[part].annotation
            inside = [annotation, *get_args(annotation)]
            kind = next(
                each for each in inside if isinstance(each, type) and issubclass(each, BaseModel)
            )
    return kind


def change_setting(content: dict[str, Any], change: str) -> None:
    """Set one value of a TOML file's content, by `section.key=value`.

    The value is TOML, or a bare word. Raises UsageError.
    """
    name, equals, value = change.partition("=")
    if not equals:
        raise UsageError(f"--set {change}: give KEY=VALUE, for example finetuning.batch_texts=32")
    *path, key = name.split(".")
    section = content
    for part in path:
        section = section.setdefault(part, {})
        if not isinstance(section, dict):
            raise UsageError(f"--set {change}: '{part}' is no section that has keys")
    try:
        section[key] = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        section[key] = value
