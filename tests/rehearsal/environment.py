"""Where a rehearsal takes place: its commands, its callers, and the account that they change."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.common.errors import CommandError
from tests.rehearsal.checkout import Checkout
from tests.rehearsal.function import ContainerFunction
from tests.rehearsal.image_registry import ImageRegistry
from tests.rehearsal.model_variants import WORD
from tests.rehearsal.timeline import Step
from tests.stand_ins.cdk import ACCOUNT, REGION, Cdk, Client

PROJECT, STAGE = "evergreen", "prod"
FUNCTION = f"{PROJECT}-{STAGE}"
BUCKET = f"{PROJECT}-models-{ACCOUNT}-{REGION}"
SECONDS = 240  # for one command
PATIENCE_SECONDS = 10
LONG = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
CALLERS = 40
CALLED = f"A film about {WORD}, of all things."
WITH_OUTPUTS = ("build", "deploy", "redeploy", "refresh")


@dataclass
class Callers:
    """Callers of the stage's API.

    key: of the API, once the first deployment has shown it. statuses: of the last answers.
    """

    url: str
    key: str = ""
    statuses: list[int] = field(default_factory=list)

    def predict(self, text: str) -> tuple[int, dict[str, Any]]:
        """Request a prediction; return status and answer."""
        headers = {"content-type": "application/json", "authorization": f"Bearer {self.key}"}
        content = json.dumps({"inputs": text}).encode()
        request = urllib.request.Request(f"{self.url}/v1/predict", content, headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def call(self) -> list[int]:
        """Send CALLERS requests; return the status of each answer."""
        self.statuses = [self.predict(CALLED)[0] for _ in range(CALLERS)]
        return self.statuses


@dataclass(frozen=True)
class Completed:
    """A command that ended. outputs: that it left for a job's later steps."""

    out: str
    err: str
    outputs: dict[str, str]


@dataclass(frozen=True)
class Environment:
    """The environment of a rehearsal.

    folder: for scratch files. variables: of the commands' environment. images: the registry that
    replaces ECR's storage. client: makes clients of moto's account. cdk: made the stacks in it.
    bulk: the function of bulk scoring.
    """

    folder: Path
    checkout: Checkout
    variables: Mapping[str, str]
    images: ImageRegistry
    callers: Callers
    client: Client
    cdk: Cdk
    bulk: ContainerFunction

    def run(self, step: Step, command: str, *arguments: str, code: int = 0) -> Completed:
        """Run a command in the checkout, as a workflow does.

        Raises:
            CommandError: It ends with another exit code than `code`.
        """
        outputs = self.folder / "outputs"
        outputs.unlink(missing_ok=True)
        given = [*arguments, *(["--outputs", str(outputs)] if command in WITH_OUTPUTS else [])]
        key = self.callers.key
        began = time.monotonic()
        done = run_group(
            [sys.executable, "-m", f"scripts.{command}", *given],
            self.checkout.path,
            {**self.variables, **({"EVERGREEN_API_KEY": key} if key else {})},
        )
        shown = LONG.sub(r"\1", " ".join(arguments).replace(str(self.folder), "..."))
        seconds = time.monotonic() - began
        step.ran(f"python -m scripts.{command} {shown}", seconds, done.returncode)
        if done.returncode != code:
            raise CommandError(
                f"scripts.{command} ended with {done.returncode}, not {code}:\n"
                f"{(done.stdout + done.stderr)[-4000:]}"
            )
        lines = outputs.read_text().splitlines() if outputs.exists() else []
        return Completed(done.stdout, done.stderr, dict(line.split("=", 1) for line in lines))

    def live(self) -> str:
        """Return the digest of the image behind `live`."""
        code = self.client("lambda").get_function(FunctionName=FUNCTION, Qualifier="live")["Code"]
        return str(code["ImageUri"].rpartition("@")[2])

    def alias(self, name: str) -> dict[str, Any]:
        """Return an alias of the default model, empty where there is none."""
        s3 = self.client("s3")
        try:
            found = s3.get_object(Bucket=BUCKET, Key=f"sentiment/aliases/{name}.json")
        except s3.exceptions.NoSuchKey:
            return {}
        document: dict[str, Any] = json.load(found["Body"])
        return document

    def count_releases(self) -> int:
        """Return how many releases of the stage are recorded."""
        listed = self.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"releases/{STAGE}/")
        return len(listed.get("Contents", []))


def run_group(
    command: Sequence[str], folder: Path, variables: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run a command with its children in a process group, which ends with it.

    A build would otherwise go on after an error or a signal.

    Raises:
        CommandError: It takes too long.
    """
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=SECONDS)
    except BaseException as error:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=PATIENCE_SECONDS)
        if isinstance(error, subprocess.TimeoutExpired):
            raise CommandError(f"it took more than {SECONDS} seconds: {command}") from error
        raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)
