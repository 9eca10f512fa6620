"""Docker for tests: notes what it was asked; what is pushed lands in moto's ECR, and what is run
answers as the function or the server would, by the versions that it was built with."""

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import boto3


def main(arguments: list[str], given: str | None) -> tuple[int, str]:
    """Exit code of a command, and what it prints. given: by stdin."""
    log = Path(os.environ["FAKE_DOCKER_LOG"])
    with log.open("a") as file:
        file.write(json.dumps({"arguments": arguments, "given": given}) + "\n")
    if arguments[0] in os.environ.get("FAKE_DOCKER_FAILS", "").split(","):
        return 1, ""
    if arguments[0] == "push":
        _push(arguments[-1])
    elif arguments[0] == "exec":
        return 0, _answers(given or "", _models(log))
    elif arguments[0] == "logs":
        return 0, "Traceback: what the container wrote"
    return 0, "container-1" if arguments[0] == "run" else ""


def _push(reference: str) -> None:
    repository, _, tag = reference.partition("/")[2].partition(":")
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"size": 1},
        "layers": [{"digest": f"sha256:{sha256(tag.encode()).hexdigest()}"}],
    }
    boto3.client("ecr").put_image(
        repositoryName=repository,
        imageTag=tag,
        imageManifest=json.dumps(manifest),
        imageManifestMediaType=str(manifest["mediaType"]),
    )


def _models(log: Path) -> dict[str, str]:
    """What the last image was built with."""
    calls = [json.loads(line)["arguments"] for line in log.read_text().splitlines()]
    (pins,) = (
        each.removeprefix("--build-arg=MODELS=")
        for each in [call for call in calls if call[0] == "buildx"][-1]
        if each.startswith("--build-arg=MODELS=")
    )
    return dict(pin.split("=") for pin in pins.split(","))


def _answers(lines: str, models: dict[str, str]) -> str:
    answers = []
    for line in lines.splitlines():
        path, body = json.loads(line)
        event = json.loads(body) if path.endswith("/invocations") else None
        status, document = _answer(event["rawPath"] if event else path, models)
        said = json.dumps(document)
        lambdas = json.dumps({"statusCode": status, "headers": {}, "body": said})
        answers.append(json.dumps([200, lambdas] if event else [status, said]))
    return "\n".join(answers)


def _answer(path: str, models: dict[str, str]) -> tuple[int, dict[str, Any]]:
    broken = os.environ.get("FAKE_DOCKER_BROKEN", "")
    if broken and path.endswith(broken):
        return 500, {"detail": "it broke"}
    if path == "/health/ready":
        return 200, {"status": "ready"}
    name = path.split("/")[3] if path.startswith("/v1/models/") else "sentiment"
    version = os.environ.get("FAKE_DOCKER_VERSION") or models[name]
    prediction = {"entities": []} if name == "ner" else {"label": "positive", "score": 0.98}
    if broken == f"task of {name}":
        prediction = {"label": "positive"} if name == "ner" else {"entities": []}
    return 200, {"model": {"name": name, "version": version}, "predictions": [prediction]}
