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


def require_match(pattern: str, value: str, key: str, like: str) -> None:
    """Raise ConfigurationError if a text does not match a pattern. `like` is a valid example."""
    require(bool(re.fullmatch(pattern, value)), key, f"'{value}' is not of the form {like}")


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
        require(not unnamed, cls._prefix or name, f"{unnamed!r} has no key: write KEY={unnamed!r}")
        for key, value in given.items():
            require(key in known, cls._key(key), f"no such key; {name} has {', '.join(known)}")
            require(is_of_type(value, hints[key]), cls._key(key), refusal(value, hints[key]))
        for key, field in sorted(known.items()):
            optional = field.default is not MISSING or field.default_factory is not MISSING
            wanted = f"is missing: {name} takes {type_name(hints[key])}"
            require(optional or key in given, cls._key(key), wanted)
        return super().__new__(cls)

    @classmethod
    def _key(cls, name: str) -> str:
        return f"{cls._prefix}.{name}" if cls._prefix else name

    def require(self, holds: bool, name: str, message: str) -> None:
        """Raise ConfigurationError unless a condition on a value holds."""
        require(holds, self._key(name), message)

    def require_between(self, name: str, lowest: float, highest: float, unit: str) -> None:
        """Raise ConfigurationError if a number, unless None, is outside the range of AWS."""
        value = getattr(self, name)
        if value is not None:
            said = f"{value:,} is not between {lowest:,} and {highest:,} {unit}"
            self.require(lowest <= value <= highest, name, said)

    def require_match(self, name: str, pattern: str, like: str) -> None:
        """Raise ConfigurationError if a text, or one of several, does not match a pattern.

        Several are in a tuple, or the keys of a dictionary. `like` is a valid example.
        """
        value = getattr(self, name)
        for text in [value] if isinstance(value, str) else value:
            require_match(pattern, text, self._key(name), like)

    def require_hours(self, start: str, end: str) -> None:
        """Raise ConfigurationError unless `start`, `end` and `time_zone` are hours of a day."""
        for name in ("start", "end"):
            self.require_match(name, r"cron\(\S+( \S+){5}\)", "cron(0 20 ? * MON-FRI *)")
        self.require(start != end, "end", "is when it started: none would run")
        self.require_match("time_zone", r"[A-Za-z_]+(/[A-Za-z_+-]+\d*)+", "Etc/UTC")

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
