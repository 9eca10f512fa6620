"""Section 1: seconds from the start of a process to its first answer, in fresh processes."""

import json
import sys
import time
from collections.abc import Callable

from scripts.benchmark.figures import Spread
from scripts.benchmark.plan import EVENT, OFFLINE, REPOSITORY, SHORT_TEXT, Plan, Subject
from scripts.benchmark.processes import (
    Service,
    baseline_server,
    our_server,
    seconds_to_answer,
    serving,
)
from scripts.common.errors import CommandError
from scripts.common.progress import Progress
from scripts.emulate.runtime import LambdaEmulator

BARE = "bare script: import ONNX Runtime and tokenizers, open the model, answer"
HANDLER = "our Lambda handler, in a fresh Python process"
EMULATED = "our Lambda handler under Lambda's runtime client and emulator"
INIT = "— of which INIT, as the emulator reports it"
SERVER = "our server"
PIPELINE = "plain transformers pipeline, in a fresh Python process"
BASELINE = "plain transformers pipeline behind FastAPI"

Starts = list[Callable[[], dict[str, float]]]  # each returns seconds by row


def measure_starts(subject: Subject, plan: Plan) -> dict[str, Spread]:
    """Start all in turn, so that whatever else the machine does affects them alike."""
    quick, slow = _quick(subject), _slow(subject)
    measured: dict[str, list[float]] = {}
    rounds = plan.warm_up_starts + plan.starts
    with Progress("first answers, rounds", rounds) as progress:
        for number in range(rounds):
            counted = number - plan.warm_up_starts
            for start in quick if counted >= plan.slow_starts else [*quick, *slow]:
                for row, seconds in start().items():
                    if counted >= 0:
                        measured.setdefault(row, []).append(seconds)
            progress.advance(1)
    rows = (BARE, HANDLER, EMULATED, INIT, SERVER, PIPELINE, BASELINE)
    return {row: Spread.of(measured[row]) for row in rows if row in measured}


def _quick(subject: Subject) -> Starts:
    model, ours, python = str(subject.model), subject.image_environment(), subject.python
    starts: Starts = [
        lambda: {BARE: seconds_to_answer("bare_runtime", model, {}, python)},
        lambda: {HANDLER: seconds_to_answer("bare_handler", str(EVENT), ours, python)},
        lambda: {SERVER: _first_response(our_server(subject))},
    ]
    try:
        with emulator(subject):
            pass
    except CommandError as error:
        print(f"Without the emulator: {error}", file=sys.stderr)
    else:
        starts.append(lambda: _emulated(subject))
    return starts


def _slow(subject: Subject) -> Starts:
    checkpoint = str(subject.checkpoint)
    return [
        lambda: {PIPELINE: seconds_to_answer("bare_pipeline", checkpoint, OFFLINE)},
        lambda: {BASELINE: _first_response(baseline_server(subject))},
    ]


def _first_response(service: Service) -> float:
    with serving(service, SHORT_TEXT) as running:
        return running.started


def _emulated(subject: Subject) -> dict[str, float]:
    """Time a first call: the emulator starts the runtime for it, so it is init and invocation."""
    with emulator(subject) as function:
        begun = time.perf_counter()
        answer = function.invoke(json.loads(EVENT.read_bytes()))
        seconds = time.perf_counter() - begun
        init = function.init_milliseconds()
    if answer.get("statusCode") != 200:
        raise CommandError(f"the handler answered {answer} under the emulator")
    return {EMULATED: seconds} | ({} if init is None else {INIT: init / 1000})


def emulator(subject: Subject) -> LambdaEmulator:
    """Return an emulator of our handler, as Lambda would run it."""
    return LambdaEmulator(
        "function.lambda_handler.handler",
        environment=subject.image_environment(),
        timeout_seconds=600,
        working_directory=REPOSITORY,
        python=subject.python,
    )
