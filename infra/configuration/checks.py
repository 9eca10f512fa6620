"""Checks of the configuration: each refuses a wrong value in one line that names its key.

Keys and types are checked at run time, since a fork may have no type checker, and with the standard
library alone, where pydantic would be shorter: the `plan` job of `.github/workflows/` reads
infra/stages.py with the runner's own `python3`, before anything is installed.
"""

import re
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, is_dataclass
from typing import Any, ClassVar, Literal, Self, get_args, get_origin, get_type_hints

TYPE_NAMES: Mapping[Any, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    types.NoneType: "None",
}


class ConfigurationError(Exception):
    """A wrong value in the configuration. The message names the key and what is valid."""


def require(holds: bool, key: str, message: str) -> None:
    """Raise ConfigurationError unless a condition holds."""
    if not holds:
        raise ConfigurationError(f"{key}: {message}")


def require_between(
    value: float | None, lowest: float, highest: float, key: str, unit: str
) -> None:
    """Raise ConfigurationError if a number, unless None, is outside the range that AWS accepts."""
    if value is not None:
        said = f"{value:,} is not between {lowest:,} and {highest:,} {unit}"
        require(lowest <= value <= highest, key, said)


def require_match(pattern: str, value: str, key: str, like: str) -> None:
    """Raise ConfigurationError if a text does not match a pattern. `like` is a valid example."""
    require(bool(re.fullmatch(pattern, value)), key, f"'{value}' is not of the form {like}")


def require_hours(start: str, end: str, time_zone: str, key: str) -> None:
    """Raise ConfigurationError unless two cron expressions and a time zone make hours of a day."""
    for name, value in {"start": start, "end": end}.items():
        require_match(r"cron\(\S+( \S+){5}\)", value, f"{key}.{name}", "cron(0 20 ? * MON-FRI *)")
    require(start != end, f"{key}.end", "is when it started: none would run")
    require_match(r"[A-Za-z_]+(/[A-Za-z_+-]+\d*)+", time_zone, f"{key}.time_zone", "Etc/UTC")


class Section:
    """Base class of the configuration's dataclasses, which checks keys and types of the arguments.

    Python itself would answer an unknown or missing key with a traceback, and take "prod" for a
    tuple of four letters. A subclass names the `prefix` of its keys: `function` for
    `function.memory_megabytes`.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    _prefix: ClassVar[str]

    def __init_subclass__(cls, *, prefix: str = "") -> None:
        super().__init_subclass__()
        cls._prefix = prefix

    def __new__(cls, *unnamed: object, **given: object) -> Self:
        """Raise ConfigurationError before the dataclass's `__init__` gets the arguments."""
        name, known, hints = cls.__name__, cls.__dataclass_fields__, get_type_hints(cls)
        where = f"{cls._prefix}." if cls._prefix else ""
        require(not unnamed, cls._prefix or name, f"{unnamed!r} has no key: write KEY={unnamed!r}")
        for key, value in given.items():
            require(key in known, f"{where}{key}", f"no such key; {name} has {', '.join(known)}")
            require(is_of_type(value, hints[key]), f"{where}{key}", refusal(value, hints[key]))
        for key, field in sorted(known.items()):
            optional = field.default is not MISSING or field.default_factory is not MISSING
            wanted = f"is missing: {name} takes {type_name(hints[key])}"
            require(optional or key in given, f"{where}{key}", wanted)
        return super().__new__(cls)

    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, Any]]:
        return (), dict(vars(self))  # for copy and pickle, which call `__new__` too


def is_of_type(value: object, hint: Any) -> bool:
    """Return whether a value has one of the types that the configuration uses."""
    arguments, origin = get_args(hint), get_origin(hint)
    if origin is Literal:
        return value in arguments
    if origin is tuple:
        return isinstance(value, tuple) and all(is_of_type(each, arguments[0]) for each in value)
    if origin is dict:
        return isinstance(value, dict) and all(
            is_of_type(key, arguments[0]) and is_of_type(each, arguments[1])
            for key, each in value.items()
        )
    if arguments:  # X | None
        return any(is_of_type(value, each) for each in arguments)
    if isinstance(value, bool):  # which Python takes for an int
        return hint is bool
    return isinstance(value, int | float if hint is float else hint)


def refusal(value: object, hint: Any) -> str:
    """Return the message for a value of the wrong type."""
    if get_origin(hint) is Literal:
        return f"{value!r} is none of {', '.join(get_args(hint))}"
    return f"{value!r} is not {type_name(hint)}"


def type_name(hint: Any) -> str:
    """Return a type in words."""
    arguments, origin = get_args(hint), get_origin(hint)
    if origin is Literal:
        return f"one of {', '.join(arguments)}"
    if origin is tuple:
        return "a tuple of texts; with one in it, ('...',)"
    if origin is dict:
        return "a dictionary of texts"
    if arguments:
        return " or ".join(map(type_name, arguments))
    if is_dataclass(hint):
        return f"a {hint.__name__}(...)"  # type: ignore[union-attr]
    return TYPE_NAMES[hint]
