"""An image is run and asked before anybody can pull it: the function's under Lambda's emulator,
which AWS's base image brings, the server's as it is.

It is asked from inside, so that it needs no network, and no port of this machine.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from function.core.artifact import Artifact, Task
from scripts.common.errors import CommandError
from scripts.deploy.docker import container, docker_says, logs
from scripts.deploy.live import TEXT
from scripts.emulate.protocol import (
    HttpRequest,
    InvocationError,
    http_api_event,
    read_answer,
    to_http,
)
from scripts.emulate.runtime import INVOCATION_PATH

HARDENED = (
    "--read-only",
    "--tmpfs=/tmp:size=512m",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--network=none",
)
LAMBDAS_USER = "--user=993:990"  # any but root would do
# Waits until somebody listens and is ready, then asks. Lines of [path, body], answers likewise.
ASKER = """
import json, sys, time, urllib.error, urllib.request
headers = {"content-type": "application/json"}
patience = time.monotonic() + 120
for line in sys.stdin:
    path, body = json.loads(line)
    content = None if body is None else body.encode()
    request = urllib.request.Request("http://127.0.0.1:8080" + path, content, headers)
    while True:
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                answer = response.status, response.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            answer = error.code, error.read().decode(errors="replace")
        except OSError as error:
            answer = 0, str(error)
        if answer[0] not in (0, 503) or time.monotonic() > patience:
            break
        time.sleep(0.1)
    print(json.dumps(answer), flush=True)
"""
# What a prediction has, by the task of the model.
TOLD: dict[Task, str] = {"text-classification": "label", "token-classification": "entities"}
Answer = tuple[int, str]


@dataclass(frozen=True)
class Runner:
    """How an image is run, and how a request reaches it.

    options: of `docker run`. sent: path and body as they are put to the container; a request
    without a body is a GET. received: status and body out of what came back.
    """

    options: tuple[str, ...]
    sent: Callable[[str, str | None], tuple[str, str | None]]
    received: Callable[[Answer], Answer]


def as_lambda(memory_megabytes: int) -> Runner:
    """As Lambda runs it: not root, nothing to write but /tmp, no more memory than is paid for."""
    limits = (f"--memory={memory_megabytes}m", f"--memory-swap={memory_megabytes}m")
    return Runner((*HARDENED, LAMBDAS_USER, *limits), _event, _of_the_handler)


def as_server() -> Runner:
    """As ECS runs it."""
    return Runner(HARDENED, lambda path, body: (path, body), lambda answer: answer)


def examine(
    image: str, platform: str, models: Sequence[Artifact], default_model: str, runner: Runner
) -> None:
    """Run an image, and have every model answer, by the version that it is to have, with what its
    task is to tell.

    models: what the image is to carry. Raises CommandError, with the last of the container's log.
    """
    asked = json.dumps({"inputs": TEXT})
    by_name = {model.manifest.model: model for model in models}
    answering = {"/v1/predict": by_name[default_model]} | {
        f"/v1/models/{name}/predict": model for name, model in by_name.items()
    }
    requests = [("/health/ready", None), *((path, asked) for path in answering)]
    options = (f"--platform={platform}", f"--env=DEFAULT_MODEL={default_model}", *runner.options)
    with container(image, *options) as name:
        try:
            ready, *answers = ask(name, requests, runner)
            if ready[0] != 200:
                raise CommandError(f"/health/ready answers {_short(ready)}")
            for (path, model), answer in zip(answering.items(), answers, strict=True):
                _check(path, answer, model)
        except CommandError as error:
            raise CommandError(
                f"the image does not pass its smoke test: {error}\n{logs(name)}"
            ) from error


def ask(name: str, requests: Sequence[tuple[str, str | None]], runner: Runner) -> list[Answer]:
    """Status and body for each path and body, in order. Raises CommandError."""
    lines = "".join(json.dumps(runner.sent(path, body)) + "\n" for path, body in requests)
    said = docker_says("exec", "--interactive", name, "python3", "-c", ASKER, given=lines)
    return [runner.received((status, body)) for status, body in map(json.loads, said.splitlines())]


def _event(path: str, body: str | None) -> tuple[str, str | None]:
    """A request as API Gateway hands it to the function, put to the emulator."""
    headers = [("content-type", "application/json"), ("host", "smoke-test")]
    method, content = ("GET", b"") if body is None else ("POST", body.encode())
    request = HttpRequest(method, path, "HTTP/1.1", headers, content, "127.0.0.1", 443)
    return INVOCATION_PATH, json.dumps(http_api_event(request))


def _of_the_handler(answer: Answer) -> Answer:
    """The emulator says 200 to whatever it was; what the handler says lies within."""
    try:
        response = to_http(read_answer(answer[0], answer[1].encode()))
    except InvocationError as error:
        return error.http_status, str(error)
    return response.status, response.body.decode(errors="replace")


def _check(path: str, answer: Answer, model: Artifact) -> None:
    status, body = answer
    document = _document(body)
    told = TOLD[model.manifest.task]
    if status != 200 or not any(told in each for each in document.get("predictions", ())):
        raise CommandError(f"{path} answers {_short(answer)}")
    version = document["model"]["version"]
    if version != model.version:
        raise CommandError(f"{path} is answered by {version}, not {model.version}")


def _document(body: str) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _short(answer: Answer) -> str:
    return f"{answer[0]}: {answer[1][:300]}"
