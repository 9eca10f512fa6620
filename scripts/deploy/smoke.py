"""Smoke test of an image before it is pushed.

The function's image runs under Lambda's emulator, which AWS's base image brings; the server's runs
as it is. Requests are sent from inside the container, so that it needs neither a network nor a port
of this machine.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from function.core.artifact import Artifact
from scripts.common.errors import CommandError
from scripts.deploy.docker import container, docker_output, logs
from scripts.deploy.live import TEXT
from scripts.emulate.protocol import (
    HttpRequest,
    InvocationError,
    http_api_event,
    read_answer,
    to_http,
)
from scripts.emulate.runtime import INVOCATION_PATH

CLIENT = Path(__file__).with_name("smoke_client.py")
HARDENED = (
    "--read-only",
    "--tmpfs=/tmp:size=512m",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--network=none",
)
LAMBDA_USER = "--user=993:990"  # any but root would do

Request = tuple[str, str | None]  # path and body; a GET without a body
Response = tuple[int, str]  # status and body


@dataclass(frozen=True)
class Runner:
    """The way to run an image and to send it requests.

    options: of `docker run`. encode: turns a request into the one that the container gets.
    decode: turns the container's response into the program's.
    """

    options: tuple[str, ...]
    encode: Callable[[Request], Request]
    decode: Callable[[Response], Response]


def as_lambda(memory_megabytes: int) -> Runner:
    """Return a runner like Lambda: not as root, with only /tmp to write to, in this memory."""
    limits = (f"--memory={memory_megabytes}m", f"--memory-swap={memory_megabytes}m")
    return Runner((*HARDENED, LAMBDA_USER, *limits), _encode_event, _decode_event_response)


def as_server() -> Runner:
    """Return a runner like ECS."""
    return Runner(HARDENED, lambda request: request, lambda response: response)


def smoke_test(
    image: str, platform: str, models: Sequence[Artifact], default_model: str, runner: Runner
) -> None:
    """Run an image and have every model answer, by its version, with a prediction of its head.

    Raises CommandError with the end of the container's log.
    """
    by_name = {model.manifest.model: model for model in models}
    by_path = {"/v1/predict": by_name[default_model]} | {
        f"/v1/models/{name}/predict": model for name, model in by_name.items()
    }
    requests: list[Request] = [
        ("/health/ready", None),
        *((path, _body(model)) for path, model in by_path.items()),
    ]
    options = (f"--platform={platform}", f"--env=DEFAULT_MODEL={default_model}", *runner.options)
    with container(image, *options) as name:
        try:
            ready, *responses = _send(name, requests, runner)
            if ready[0] != 200:
                raise CommandError(f"/health/ready answers {_shortened(ready)}")
            for (path, model), response in zip(by_path.items(), responses, strict=True):
                _check(path, response, model)
        except CommandError as error:
            raise CommandError(
                f"the image does not pass its smoke test: {error}\n{logs(name)}"
            ) from error


def _body(model: Artifact) -> str:
    pairs = model.manifest.tokenization.pairs
    return json.dumps({"inputs": {"text": TEXT, "text_pair": TEXT} if pairs else TEXT})


def _send(name: str, requests: Sequence[Request], runner: Runner) -> list[Response]:
    """Send requests inside a container, in order. Its client is piped to the image's Python."""
    encoded = json.dumps([runner.encode(request) for request in requests])
    command = ("exec", "--interactive", name, "python3", "-", encoded)
    lines = docker_output(*command, stdin=CLIENT.read_text(encoding="utf-8")).splitlines()
    return [runner.decode((status, body)) for status, body in map(json.loads, lines)]


def _encode_event(request: Request) -> Request:
    """Return the invocation of the emulator with the event that API Gateway sends a function."""
    path, body = request
    headers = [("content-type", "application/json"), ("host", "smoke-test")]
    method, content = ("GET", b"") if body is None else ("POST", body.encode())
    http = HttpRequest(method, path, "HTTP/1.1", headers, content, "127.0.0.1", 443)
    return INVOCATION_PATH, json.dumps(http_api_event(http))


def _decode_event_response(response: Response) -> Response:
    """Return the handler's response. The emulator's own status is 200 whatever that is."""
    status, body = response
    try:
        http = to_http(read_answer(status, body.encode()))
    except InvocationError as error:
        return error.http_status, str(error)
    return http.status, http.body.decode(errors="replace")


def _check(path: str, response: Response, model: Artifact) -> None:
    status, body = response
    document = _parse(body)
    field = model.manifest.decoding.answer_key
    if status != 200 or not any(field in each for each in document.get("predictions", ())):
        raise CommandError(f"{path} answers {_shortened(response)}")
    version = document["model"]["version"]
    if version != model.version:
        raise CommandError(f"{path} is answered by {version}, not {model.version}")


def _parse(body: str) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _shortened(response: Response) -> str:
    return f"{response[0]}: {response[1][:300]}"
