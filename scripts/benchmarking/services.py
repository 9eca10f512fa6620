"""The two programs that answer over HTTP."""

from scripts.benchmarking.plan import OFFLINE, Subject
from scripts.benchmarking.processes import LOOPBACK, Service


def our_server(subject: Subject) -> Service:
    """The server as `make run` starts it."""
    return Service(["-m", "function.server"], "/v1/predict", subject.environment())


def baseline_server(subject: Subject) -> Service:
    """The plain pipeline under uvicorn, one worker."""
    uvicorn = ["-m", "uvicorn", "--factory", "scripts.benchmarking.baseline:create_app"]
    options = ["--host", LOOPBACK, "--port", "{port}", "--no-access-log", "--log-level", "warning"]
    return Service(
        [*uvicorn, *options], "/predict", OFFLINE | {"CHECKPOINT": str(subject.checkpoint)}
    )
