"""The Lambda handler on this machine, under the runtime client and emulator that AWS publishes."""

from scripts.emulation.errors import (
    EventTooLargeError,
    InvocationError,
    InvocationTimeoutError,
)
from scripts.emulation.runtime import LambdaEmulator

__all__ = [
    "EventTooLargeError",
    "InvocationError",
    "InvocationTimeoutError",
    "LambdaEmulator",
]
