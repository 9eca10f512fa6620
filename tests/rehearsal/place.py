"""Where a rehearsal takes place: commands run there, and what became of them is looked up."""

import json
import re
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import boto3

from scripts.common.errors import CommandError
from tests.rehearsal.checkout import Checkout
from tests.rehearsal.command import in_group
from tests.rehearsal.function import Function
from tests.rehearsal.image_registry import ImageRegistry
from tests.rehearsal.timeline import Step
from tests.rehearsal.variants import WORD

ACCOUNT, REGION, PROJECT, STAGE = "123456789012", "eu-central-1", "evergreen", "prod"
LONG = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
CALLERS = 40
CALLED = f"A film about {WORD}, of all things."
WITH_OUTPUTS = ("build", "deploy", "redeploy", "refresh")


@dataclass(frozen=True)
class Said:
    """What a command left."""

    code: int
    out: str
    err: str
    seconds: float
    outputs: dict[str, str]


@dataclass
class Place:
    """Put up. url: of the stage. key: of its API, once it was made."""

    folder: Path
    checkout: Checkout
    environment: dict[str, str]
    images: ImageRegistry
    function: Function
    url: str
    session: boto3.Session
    endpoint: str
    key: str = ""
    called: list[int] = field(default_factory=list)

    @property
    def registry(self) -> str:
        """Where the account's models lie."""
        return f"s3://{PROJECT}-models-{ACCOUNT}-{REGION}"

    def run(self, step: Step, command: str, *arguments: str, code: int = 0) -> Said:
        """Run a command as a workflow does, in the checkout. Raises CommandError where it ends with
        another exit code than is meant."""
        outputs = self.folder / "outputs"
        outputs.unlink(missing_ok=True)
        given = [*arguments, *(["--outputs", str(outputs)] if command in WITH_OUTPUTS else [])]
        began = time.monotonic()
        done = in_group(
            [sys.executable, "-m", f"scripts.{command}", *given],
            self.checkout.path,
            self.environment | ({"EVERGREEN_API_KEY": self.key} if self.key else {}),
        )
        seconds = time.monotonic() - began
        shown = LONG.sub(r"\1", " ".join(arguments).replace(str(self.folder), "..."))
        step.ran(f"python -m scripts.{command} {shown}", seconds, done.returncode)
        if done.returncode != code:
            raise CommandError(
                f"scripts.{command} ended with {done.returncode}, not {code}:\n"
                f"{(done.stdout + done.stderr)[-4000:]}"
            )
        lines = outputs.read_text().splitlines() if outputs.exists() else []
        pairs = dict(line.split("=", 1) for line in lines)
        return Said(done.returncode, done.stdout, done.stderr, seconds, pairs)

    def live(self) -> str:
        """The digest behind `live`."""
        client = self.session.client("lambda", endpoint_url=self.endpoint)
        code = client.get_function(FunctionName=self.function.name, Qualifier="live")["Code"]
        return code["ImageUri"].rpartition("@")[2]

    def alias(self, name: str) -> dict[str, object]:
        """What an alias of the registry holds, nothing where there is none."""
        client = self.session.client("s3", endpoint_url=self.endpoint)
        bucket = self.registry.removeprefix("s3://")
        try:
            found = client.get_object(Bucket=bucket, Key=f"sentiment/aliases/{name}.json")
        except client.exceptions.NoSuchKey:
            return {}
        document: dict[str, object] = json.load(found["Body"])
        return document

    def releases(self) -> list[dict[str, object]]:
        """Releases of the stage, oldest first."""
        client = self.session.client("s3", endpoint_url=self.endpoint)
        bucket = self.registry.removeprefix("s3://")
        listed = client.list_objects_v2(Bucket=bucket, Prefix=f"releases/{STAGE}/")
        keys = [entry["Key"] for entry in listed.get("Contents", [])]
        return [
            json.load(client.get_object(Bucket=bucket, Key=key)["Body"]) for key in sorted(keys)
        ]

    def predict(self, text: str) -> tuple[int, dict[str, object]]:
        """What a caller of the stage's API gets."""
        return _predict(self.url, self.key, text)

    def call(self) -> list[int]:
        """What callers get, by status."""
        self.called = [self.predict(CALLED)[0] for _ in range(CALLERS)]
        return self.called


def _predict(url: str, key: str, text: str) -> tuple[int, dict[str, object]]:
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    content = json.dumps({"inputs": text}).encode()
    request = urllib.request.Request(f"{url}/v1/predict", content, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
