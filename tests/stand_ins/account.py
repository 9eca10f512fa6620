"""A fresh AWS account of moto's, commands that act in it, and a deployment that answers."""

import hashlib
import json
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.loaders import Loader

from function.core.artifact import open_artifact
from scripts.common.command_line import run
from scripts.deploy import cdk, delivery, docker, history, image, live
from scripts.registry.golden_sets import freeze_golden
from scripts.registry.registry import Registry, open_registry
from tests.stand_ins import fake_cdk, fake_docker
from tests.tiny import write_artifact

COMMIT = "0123456789abcdef0123456789abcdef01234567"
BUCKET = "evergreen-models-123456789012-eu-central-1"


@dataclass
class Cloud:
    """An account, and what was asked of the CDK and of Docker. accepted: SHA-256 of the key that
    the deployment takes, empty for none."""

    cdk_log: Path
    docker_log: Path
    url: str = ""
    accepted: Callable[[], str] = lambda: ""
    health: list[int] = field(default_factory=list)

    def cdk_calls(self) -> list[dict[str, Any]]:
        return _lines(self.cdk_log)

    def docker_calls(self) -> list[dict[str, Any]]:
        return _lines(self.docker_log)

    def registry(self) -> Registry:
        return open_registry(f"s3://{BUCKET}")


@pytest.fixture
def cloud(aws: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """An account in which nothing is, not even the CDK's bootstrap."""
    _reset(aws["AWS_ENDPOINT_URL"])
    _keep_clients(monkeypatch)
    found = Cloud(tmp_path / "cdk.jsonl", tmp_path / "docker.jsonl")
    monkeypatch.setattr(cdk, "EXECUTABLE", Path(sys.executable))
    monkeypatch.setattr(cdk, "subprocess", SimpleNamespace(run=_run))
    monkeypatch.setattr(docker, "subprocess", SimpleNamespace(run=_run, PIPE=-1, STDOUT=-2))
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(image, "MODELS", tmp_path / "image-models")
    monkeypatch.setattr(image, "commit", lambda: COMMIT)
    monkeypatch.setenv("FAKE_CDK_LOG", str(found.cdk_log))
    monkeypatch.setenv("FAKE_DOCKER_LOG", str(found.docker_log))
    monkeypatch.delenv("EVERGREEN_API_KEY", raising=False)
    with _deployment(found) as url:
        found.url = url
        monkeypatch.setenv("FAKE_CDK_URL", url)
        yield found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A registry as it ships: one model in production, with its golden set."""
    location = tmp_path / "registry"
    registry = open_registry(str(location))
    artifact = open_artifact(write_artifact(tmp_path / "artifact"))
    version = registry.publish(artifact)
    registry.promote("sentiment", version, "for tests")
    freeze_golden(registry.store, "sentiment", b'{"text": "good", "label": "positive"}\n')
    return location


@dataclass
class Line:
    """Commands as somebody types them, on a commit that a test can change."""

    patch: pytest.MonkeyPatch
    captured: pytest.CaptureFixture[str]

    def on(self, commit: str) -> None:
        for module in (image, delivery, history):
            self.patch.setattr(module, "commit", lambda: commit)

    def __call__(self, command: ModuleType, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr."""
        self.captured.readouterr()
        self.patch.setattr(sys, "argv", [command.__name__, *arguments])
        code = 0
        try:
            run(command.main)
        except SystemExit as end:
            code = int(end.code or 0)
        said = self.captured.readouterr()
        return code, said.out, said.err


@pytest.fixture
def line(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Line:
    """On COMMIT, in an account whose stages take the keys that were made for them."""

    def wanted() -> str:
        names = [f"/evergreen/{stage}/api-key-sha256" for stage in ("dev", "prod")]
        found = boto3.client("ssm").get_parameters(Names=names)["Parameters"]
        return ",".join(each["Value"] for each in found)

    cloud.accepted = wanted
    monkeypatch.setattr(live, "PAUSE_SECONDS", 0)
    typed = Line(monkeypatch, capfd)
    typed.on(COMMIT)
    return typed


@pytest.fixture
def bootstrapped(cloud: Cloud) -> None:
    boto3.client("ssm").put_parameter(
        Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String"
    )


def _keep_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command makes its clients anew, which takes longer than all that they do here."""
    made: dict[str, Any] = {}
    really = boto3.Session.client

    def kept(session: boto3.Session, service: str, *arguments: Any, **options: Any) -> Any:
        if service not in made:
            made[service] = really(session, service, *arguments, **options)  # type: ignore[call-overload]
        return made[service]

    monkeypatch.setattr(boto3.Session, "client", kept)
    monkeypatch.setattr("botocore.session.create_loader", lambda _=None: _loader())


@cache
def _loader() -> Loader:
    return Loader()


def _reset(endpoint: str) -> None:
    request = urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")
    urllib.request.urlopen(request).close()


def _run(command: Sequence[str], **options: Any) -> SimpleNamespace:
    """In this process: a Python that loads boto3 anew takes seconds."""
    program, *arguments = command
    if program.endswith("docker"):
        code, said = fake_docker.main(arguments, options.get("input"))
        return SimpleNamespace(returncode=code, stdout=said)
    return SimpleNamespace(returncode=fake_cdk.main(arguments))


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


class _deployment:  # noqa: N801 -- reads as the function that it is used as
    """What answers at a stage's address."""

    def __init__(self, cloud: Cloud) -> None:
        class Requests(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(cloud.health.pop(0) if cloud.health else 200, {"status": "ready"})

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                key = self.headers.get("authorization", "").removeprefix("Bearer ")
                wanted = cloud.accepted()
                if wanted and hashlib.sha256(key.encode()).hexdigest() not in wanted:
                    self._answer(401, {"error": "a key is wanted"})
                    return
                self._answer(
                    200,
                    {
                        "model": {"name": "sentiment", "version": "20260102-aabbccdd"},
                        "predictions": [{"label": "positive", "score": 0.98}],
                    },
                )

            def _answer(self, status: int, document: dict[str, Any]) -> None:
                content = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Requests)

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
