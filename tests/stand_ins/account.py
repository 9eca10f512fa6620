"""A fresh AWS account of moto's, commands that run against it, and a stage that answers."""

import hashlib
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from http.server import HTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.loaders import Loader

from function.core.artifact import open_artifact
from scripts.common.command_line import run
from scripts.deploy import cdk, delivery, docker, history, image, live, templates
from scripts.doctor import machine
from scripts.registry.golden_sets import freeze_golden
from scripts.registry.registry import Registry, open_registry
from tests.stand_ins.cdk import Cdk
from tests.stand_ins.docker import Docker
from tests.stand_ins.git import Git
from tests.stand_ins.json_server import LOOPBACK, JsonRequests, serving, url
from tests.tiny import write_artifact

COMMIT = "0123456789abcdef0123456789abcdef01234567"
BUCKET = "evergreen-models-123456789012-eu-central-1"
PREDICTION = {
    "model": {"name": "sentiment", "version": "20260102-aabbccdd"},
    "predictions": [{"label": "positive", "score": 0.98}],
}


class StageApi(HTTPServer):
    """The HTTP API of a stage.

    Attributes:
        accepted: Returns the SHA-256 of every key that the API takes; empty for an open one.
        health: Statuses of the next health checks; 200 after them.
    """

    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), _Requests)
        self.accepted: Callable[[], str] = lambda: ""
        self.health: list[int] = []


class _Requests(JsonRequests):
    server: StageApi

    def respond(self, method: str, document: Any) -> None:
        health = self.server.health
        if method == "GET":
            self.answer({"status": "ready"}, health.pop(0) if health else 200)
            return
        key = self.headers.get("authorization", "").removeprefix("Bearer ")
        accepted = self.server.accepted()
        if accepted and hashlib.sha256(key.encode()).hexdigest() not in accepted:
            self.answer({"error": "a key is wanted"}, 401)
        else:
            self.answer(PREDICTION)


@dataclass(frozen=True)
class FakeAccount:
    """An account, the CDK, Docker, and the API of every stage."""

    cdk: Cdk
    docker: Docker
    api: StageApi

    @property
    def url(self) -> str:
        return url(self.api)

    def registry(self) -> Registry:
        return open_registry(f"s3://{BUCKET}")

    def run(self, command: Sequence[str], **options: Any) -> SimpleNamespace:
        """Replace `subprocess.run`: a Python that imports boto3 takes seconds to start."""
        program, *arguments = command
        if program.endswith("docker"):
            code, out = self.docker.run(arguments, options.get("input"))
            return SimpleNamespace(returncode=code, stdout=out)
        return SimpleNamespace(returncode=int(bool(self.cdk.run(arguments, options["cwd"]))))


def machine_output(command: Sequence[str]) -> str:
    """Return what a command prints on a machine that has all that a deployment needs."""
    if command[0] == "node":
        return f"v{machine.OLDEST_NODE}.0.0"
    return machine.wanted_cdk() if command[0] != "docker" else "Platforms: linux/amd64, linux/arm64"


@pytest.fixture
def cloud(
    aws: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakeAccount]:
    """An account with nothing in it, not even the CDK's bootstrap."""
    request = urllib.request.Request(f"{aws['AWS_ENDPOINT_URL']}/moto-api/reset", method="POST")
    urllib.request.urlopen(request).close()
    _keep_clients(monkeypatch)
    api = StageApi()
    cloud = FakeAccount(Cdk(_client, url(api)), Docker(_client), api)
    monkeypatch.setattr(cdk, "EXECUTABLE", Path(sys.executable))
    monkeypatch.setattr(cdk, "subprocess", SimpleNamespace(run=cloud.run))
    monkeypatch.setattr(docker, "subprocess", SimpleNamespace(run=cloud.run, PIPE=-1, STDOUT=-2))
    monkeypatch.setattr(machine, "_output", machine_output)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(image, "MODELS", tmp_path / "image-models")
    monkeypatch.setattr(image, "content_digest", lambda _: COMMIT)
    monkeypatch.delenv("EVERGREEN_API_KEY", raising=False)
    with serving(api):
        yield cloud


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
class CommandLine:
    """The command line, on a commit that a test can change."""

    patch: pytest.MonkeyPatch
    captured: pytest.CaptureFixture[str]
    git: Git = field(default_factory=Git)

    def on(self, commit: str, *, changed: str = "code") -> None:
        """Continue on a commit, which changed the code or the templates."""
        self.git.commits.add(commit)
        for module in (delivery, history, templates):
            self.patch.setattr(module, "commit", lambda: commit)
        if changed == "code":
            self.patch.setattr(image, "content_digest", lambda _: commit)
        else:
            self.patch.setattr(delivery, "templates_digest", lambda: commit)

    def __call__(self, command: ModuleType, *arguments: str) -> tuple[int, str, str]:
        """Run a command; return its exit code, stdout and stderr."""
        self.captured.readouterr()
        self.patch.setattr(sys, "argv", [command.__name__, *arguments])
        code = 0
        try:
            run(command.main)
        except SystemExit as end:
            code = int(end.code or 0)
        printed = self.captured.readouterr()
        return code, printed.out, printed.err


@pytest.fixture
def line(
    cloud: FakeAccount, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> CommandLine:
    """A command line on COMMIT, in an account whose stages take the keys made for them."""

    def digests() -> str:
        names = [f"/evergreen/{stage}/api-key-sha256" for stage in ("dev", "prod")]
        found = boto3.client("ssm").get_parameters(Names=names)["Parameters"]
        return ",".join(each["Value"] for each in found)

    cloud.api.accepted = digests
    monkeypatch.setattr(live, "PAUSE_SECONDS", 0)
    made = CommandLine(monkeypatch, capfd)
    monkeypatch.setattr(templates, "git", made.git)
    made.on(COMMIT)
    return made


@pytest.fixture
def bootstrapped(cloud: FakeAccount) -> None:
    cloud.cdk.run(["bootstrap", "aws://123456789012/eu-central-1"])
    cloud.cdk.calls.clear()


def _client(service: Any) -> Any:
    """Return a client with the credentials of this moment, which boto3's own session keeps."""
    return boto3.Session().client(service)


def _keep_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep boto3's clients: making them takes longer than all that commands do with them."""
    made: dict[tuple[str, str], Any] = {}
    really = boto3.Session.client

    def kept(session: boto3.Session, service: str, *arguments: Any, **options: Any) -> Any:
        found = session.get_credentials()
        key = (service, found.access_key if found else "")
        if key not in made:
            made[key] = really(session, service, *arguments, **options)  # type: ignore[call-overload]
        return made[key]

    monkeypatch.setattr(boto3.Session, "client", kept)
    monkeypatch.setattr("botocore.session.create_loader", lambda _=None: _loader())


@cache
def _loader() -> Loader:
    return Loader()
