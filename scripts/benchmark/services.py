"""The programs that answer over HTTP."""

from scripts.benchmark.plan import OFFLINE, Subject
from scripts.benchmark.processes import LOOPBACK, Service


def our_server(subject: Subject, environment: dict[str, str] | None = None) -> Service:
    """The server as `make run` starts it. environment: of its settings, those that differ."""
    return Service(
        ["-m", "function.server"], "/v1/predict", subject.environment() | (environment or {})
    )


def baseline_server(subject: Subject) -> Service:
    """The plain pipeline under uvicorn, one worker."""
    uvicorn = ["-m", "uvicorn", "--factory", "scripts.benchmark.baseline:create_app"]
    options = ["--host", LOOPBACK, "--port", "{port}", "--no-access-log", "--log-level", "warning"]
    return Service(
        [*uvicorn, *options], "/predict", OFFLINE | {"CHECKPOINT": str(subject.checkpoint)}
    )


def instant_server() -> Service:
    """What answers without doing anything."""
    return Service(["-m", "scripts.benchmark.instant", "{port}"], "/predict", {})
