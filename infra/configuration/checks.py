"""How a configuration refuses what makes no sense: one line that names the key."""

import re


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
