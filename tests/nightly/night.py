"""A night: the stage, the place where commands run, and the account that they change."""

import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.configuration.deployment import Deployment
from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration
from scripts.deploy import stacks
from tests.nightly.checklist import CheckFailedError
from tests.rehearsal.model_variants import WORD, Change, write_variant

MODEL = "sentiment"
TEXT = "A warm, funny and moving film."
CALLED = f"A film about {WORD}, of all things."
SHOWN_ONCE = "shown this once and kept nowhere: "
SECONDS = 3000  # for one command
TAIL = 1500
THREADS, PAUSE_SECONDS = 3, 0.4  # of callers during a canary: the alarm counts from 20 a minute
FOUNDATION = "foundation"


@dataclass(frozen=True)
class Completed:
    """A command that ended, and the outputs that it left for a job's later steps."""

    out: str
    err: str
    outputs: dict[str, str]


@dataclass
class Night:
    """State that the checks of a night share.

    checkout: where commands run. folder: for scratch files. variables: of the commands'
    environment. client: makes clients of the account. called: whether there are callers during a
    canary. on_key: gets the API's key. versions: of models A, B, ... digests: of their images.
    """

    project: ProjectConfiguration
    stage: StageConfiguration
    checkout: Path
    folder: Path
    variables: Mapping[str, str]
    client: Callable[..., Any]
    called: bool = True
    on_key: Callable[[str], None] = lambda _: None
    key: str = ""
    url: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    @property
    def function(self) -> str:
        return f"{self.project.name}-{self.stage.name}"

    @property
    def bucket(self) -> str:
        return f"{self.project.name}-models-{self.stage.account}-{self.stage.region}"

    def make(self, target: str, stage: str = "", **options: Any) -> Completed:
        """Run a target of make for a stage, by default for this one."""
        return self.run(["make", target, f"STAGE={stage or self.stage.name}"], **options)

    def script(self, command: str, *arguments: str, **options: Any) -> Completed:
        """Run a command, with --outputs where it takes it."""
        outputs = self.folder / "outputs"
        outputs.unlink(missing_ok=True)
        given = [sys.executable, "-m", f"scripts.{command}", *arguments]
        if command in ("build", "deploy", "redeploy", "refresh"):
            given += ["--outputs", str(outputs)]
        done = self.run(given, **options)
        lines = outputs.read_text().splitlines() if outputs.exists() else []
        return Completed(done.out, done.err, dict(line.split("=", 1) for line in lines))

    def run(self, command: Sequence[str], *, code: int = 0, typed: str = "") -> Completed:
        """Run a command in the checkout. Raises CheckFailedError where it ends with another code.

        `typed` is what a person types. The API's key is kept from every log.
        """
        given = {**self.variables, **self.callers_variables()}
        done = subprocess.run(
            command,
            cwd=self.checkout,
            env=given,
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        self._keep_key(done.stderr)
        shown = " ".join(command).replace(sys.executable, "python")
        text = f"{done.stdout}{done.stderr}"
        with (self.folder / "log.txt").open("a") as log:
            log.write(self._without_key(f"$ {shown}\n{text}\n"))
        if done.returncode != code:
            raise CheckFailedError(
                self._without_key(f"{shown} ended with {done.returncode}: {text.strip()[-TAIL:]}")
            )
        return Completed(done.stdout, done.stderr, {})

    def callers_variables(self) -> dict[str, str]:
        """Return the variables that clients read."""
        found = {"EVERGREEN_API_KEY": self.key, "EVERGREEN_URL": self.url}
        return {name: value for name, value in found.items() if value}

    def predict(self, text: str = TEXT, prefix: str = "") -> tuple[int, dict[str, Any]]:
        """Return status and answer of the stage's address."""
        headers = {"content-type": "application/json", "authorization": f"Bearer {self.key}"}
        content = json.dumps({"inputs": text}).encode()
        request = urllib.request.Request(f"{self.url}{prefix}/v1/predict", content, headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, {}

    @contextmanager
    def callers(self) -> Iterator[list[int]]:
        """Have callers ask all the while; yield the statuses of the answers, as they come."""
        statuses: list[int] = []
        over = threading.Event()

        def call() -> None:
            while not over.wait(PAUSE_SECONDS):
                try:
                    statuses.append(self.predict(CALLED)[0])
                except OSError:
                    statuses.append(0)

        threads = [threading.Thread(target=call, daemon=True) for _ in range(THREADS * self.called)]
        for thread in threads:
            thread.start()
        try:
            yield statuses
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def live(self) -> str:
        """Return the digest of the image behind `live`."""
        found = self.client("lambda").get_function(FunctionName=self.function, Qualifier="live")
        return str(found["Code"]["ImageUri"].rpartition("@")[2])

    def production(self) -> str:
        """Return the version that the registry's `production` points to."""
        key = f"{MODEL}/aliases/production.json"
        found = self.client("s3").get_object(Bucket=self.bucket, Key=key)
        return str(json.load(found["Body"])["version"])

    def changed(self) -> dict[str, str]:
        """Return when each stack of the stage, and the foundation, was changed last."""
        names = [
            f"{self.project.name}-{FOUNDATION}",
            *stacks.names(Deployment(self.project, self.stage)),
        ]
        client = self.client("cloudformation")
        found = [client.describe_stacks(StackName=name)["Stacks"][0] for name in names]
        return {
            each["StackName"]: str(each.get("LastUpdatedTime") or each["CreationTime"])
            for each in found
        }

    def make_model(self, name: str, change: Change) -> list[str]:
        """Make a variant of model A; return the arguments that refresh to it."""
        bundled = self.checkout / "registry" / MODEL / "versions" / self.versions["A"]
        folder = self.folder / "models" / name
        self.versions[name] = write_variant(bundled, folder, change)
        registry = ["--registry", f"s3://{self.bucket}", "--model", MODEL]
        return [*registry, "--source", f"dir:{folder}"]

    def build(self, name: str) -> list[str]:
        """Build the images with a model; return the arguments that deploy them."""
        chosen = f"{MODEL}={self.versions[name]}"
        built = self.script("build", "--stage", self.stage.name, "--models", chosen).outputs
        self.digests[name] = built["function_image"]
        return [
            *("--stage", self.stage.name, "--function-image", built["function_image"]),
            *("--server-image", built["server_image"], "--models", built["models"]),
        ]

    def _keep_key(self, err: str) -> None:
        for line in err.splitlines():
            if SHOWN_ONCE in line:
                self.key = line.partition(SHOWN_ONCE)[2].strip()
                if os.environ.get("GITHUB_ACTIONS"):
                    print(f"::add-mask::{self.key}", flush=True)
                self.on_key(self.key)

    def _without_key(self, text: str) -> str:
        return text.replace(self.key, "***") if self.key else text
