"""How a configuration refuses what makes no sense: one line that names the key."""

import functools
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints


class ConfigurationError(Exception):
    """A value that makes no sense. The message starts with its key and says what would do."""


def require(holds: bool, key: str, message: str) -> None:
    """Raises ConfigurationError where a condition does not hold."""
    if not holds:
        raise ConfigurationError(f"{key}: {message}")


def require_between(value: float, lowest: float, highest: float, key: str, unit: str) -> None:
    """Raises ConfigurationError where a number lies outside of what AWS takes."""
    require(
        lowest <= value <= highest,
        key,
        f"{value:,} is not between {lowest:,} and {highest:,} {unit}",
    )


def require_match(pattern: str, value: str, key: str, like: str) -> None:
    """Raises ConfigurationError where a text has not the form that it must have."""
    require(bool(re.fullmatch(pattern, value)), key, f"'{value}' is not of the form {like}")


Part = TypeVar("Part")
NAMES: Mapping[Any, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    None: "None",
    types.NoneType: "None",
}


def keys(prefix: str = "") -> Callable[[type[Part]], type[Part]]:
    """Let a dataclass refuse, as ConfigurationError, what Python would meet with a traceback or
    take for something else: a key that it has not, one that is missing, a value of another type.

    prefix: what its keys are called by, such as `function` for `function.memory_megabytes`.
    """

    def guard(part: type[Part]) -> type[Part]:
        make = part.__init__
        hints = get_type_hints(part)
        known = {each.name: each for each in fields(part)}  # type: ignore[arg-type]
        needed = {
            name
            for name, each in known.items()
            if each.default is MISSING and each.default_factory is MISSING
        }

        @functools.wraps(make)
        def guarded(self: Part, *unnamed: object, **given: object) -> None:
            where = f"{prefix}." if prefix else ""
            name = part.__name__
            require(not unnamed, prefix or name, f"{unnamed!r} has no key: write KEY={unnamed!r}")
            for key, value in given.items():
                require(
                    key in known, f"{where}{key}", f"no such key; {name} has {', '.join(known)}"
                )
                said = f"{value!r} is not {wanted(hints[key])}"
                require(fits(value, hints[key]), f"{where}{key}", said)
            for key in sorted(needed - set(given)):
                require(False, f"{where}{key}", f"is missing: {name} takes {wanted(hints[key])}")
            make(self, **given)

        part.__init__ = guarded  # type: ignore[assignment, method-assign]
        return part

    return guard


def fits(value: object, hint: Any) -> bool:
    """Whether a value is of a type, of those that configurations have."""
    arguments = get_args(hint)
    origin = get_origin(hint)
    if origin is Literal:
        return isinstance(value, str)  # which of them, says a message of its own
    if origin is tuple:
        return isinstance(value, tuple) and all(fits(each, arguments[0]) for each in value)
    if origin is dict:
        return isinstance(value, dict) and all(
            fits(key, arguments[0]) and fits(each, arguments[1]) for key, each in value.items()
        )
    if arguments:  # X | None
        return any(fits(value, each) for each in arguments)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))


def wanted(hint: Any) -> str:
    """A type in words."""
    arguments = get_args(hint)
    origin = get_origin(hint)
    if origin is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if origin is tuple:
        return "a tuple of texts; with one in it, ('...',)"
    if origin is dict:
        return "a dictionary of texts"
    if arguments:
        return " or ".join(map(wanted, arguments))
    if is_dataclass(hint):
        return f"a {hint.__name__}(...)"  # type: ignore[union-attr]
    return NAMES[hint]
