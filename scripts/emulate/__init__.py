"""The Lambda handler on this machine, under the runtime client and emulator that AWS publishes."""

from scripts.emulate.protocol import (
    EventTooLargeError,
    InvocationError,
    InvocationTimeoutError,
)
from scripts.emulate.runtime import LambdaEmulator

__all__ = [
    "EventTooLargeError",
    "InvocationError",
    "InvocationTimeoutError",
    "LambdaEmulator",
]
