"""Docker's command line without Docker: images that nobody built, and containers that answer.

A pushed image lands in moto's ECR. A container answers as the function or the server would, with
the versions that the last image was built with.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

Client = Callable[..., Any]  # makes boto3's client of a service


@dataclass
class DockerCall:
    """One call of the command line. stdin: what it was given there."""

    arguments: list[str]
    stdin: str | None


@dataclass
class Docker:
    """The command line.

    Attributes:
        calls: All calls, oldest first.
        failing: The command that fails.
        broken: End of the path that answers 500, or `task of MODEL`, which then answers as a model
            of another task.
        version: The version that every model answers with, instead of its own.
    """

    client: Client
    calls: list[DockerCall] = field(default_factory=list)
    failing: str = ""
    broken: str = ""
    version: str = ""

    def run(self, arguments: Sequence[str], stdin: str | None) -> tuple[int, str]:
        """Run a command; return its exit code and output."""
        self.calls.append(DockerCall(list(arguments), stdin))
        command = arguments[0]
        if command == self.failing:
            return 1, ""
        if command == "push":
            self._push(arguments[-1])
        elif command == "exec":
            return 0, self._answers(json.loads(arguments[-1]))
        elif command == "logs":
            return 0, "Traceback: what the container wrote"
        return 0, "container-1" if command == "run" else ""

    def _push(self, reference: str) -> None:
        _, tag = split_reference(reference)
        media_type = "application/vnd.docker.distribution.manifest.v2+json"
        manifest = {
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": {"size": 1},
            "layers": [{"digest": f"sha256:{sha256(tag.encode()).hexdigest()}"}],
        }
        put_image(self.client("ecr"), reference, json.dumps(manifest), media_type)

    def _answers(self, requests: list[tuple[str, str | None]]) -> str:
        answers = []
        for path, body in requests:
            event = json.loads(body or "") if path.endswith("/invocations") else None
            status, document = self._answer(event["rawPath"] if event else path)
            text = json.dumps(document)
            response = json.dumps({"statusCode": status, "headers": {}, "body": text})
            answers.append(json.dumps([200, response] if event else [status, text]))
        return "\n".join(answers)

    def _answer(self, path: str) -> tuple[int, dict[str, Any]]:
        if self.broken and path.endswith(self.broken):
            return 500, {"detail": "it broke"}
        if path == "/health/ready":
            return 200, {"status": "ready"}
        name = path.split("/")[3] if path.startswith("/v1/models/") else "sentiment"
        tagger = (name == "ner") != (self.broken == f"task of {name}")
        prediction = {"entities": []} if tagger else {"label": "positive", "score": 0.98}
        version = self.version or self._models()[name]
        return 200, {"model": {"name": name, "version": version}, "predictions": [prediction]}

    def _models(self) -> dict[str, str]:
        """Return the models of the last image, by name to version."""
        prefix = "--build-arg=MODELS="
        build = [call.arguments for call in self.calls if call.arguments[0] == "buildx"][-1]
        (pins,) = (each.removeprefix(prefix) for each in build if each.startswith(prefix))
        return dict(pin.split("=") for pin in pins.split(","))


def split_reference(reference: str) -> tuple[str, str]:
    """Return repository and tag of `HOST/REPOSITORY:TAG`."""
    repository, _, tag = reference.partition("/")[2].rpartition(":")
    return repository, tag


def put_image(ecr: Any, reference: str, manifest: str, media_type: str, **digest: str) -> None:
    """Register an image with moto's ECR, as a push does. digest: `imageDigest`, if it is known."""
    repository, tag = split_reference(reference)
    ecr.put_image(
        repositoryName=repository,
        imageTag=tag,
        imageManifest=manifest,
        imageManifestMediaType=media_type,
        **digest,
    )
