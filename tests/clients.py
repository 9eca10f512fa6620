"""Generate clients from the OpenAPI document of a running server, and use them: `make clients`.

The generators are pinned here and not locked: they run in an environment of their own under
build/clients, and nothing else depends on them.
"""

import os
import secrets
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

from scripts.common.errors import CommandError
from tests.serving import running_server, wanting

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "build" / "clients"
PYTHON_GENERATOR = "openapi-python-client==0.29.1"
TYPESCRIPT_GENERATOR = "openapi-typescript@7.13.0"
TYPESCRIPT = "typescript@5.9.3"

USE_PYTHON = """
import importlib, os, pkgutil
import evergreen_client
for module in pkgutil.walk_packages(evergreen_client.__path__, "evergreen_client."):
    importlib.import_module(module.name)
from evergreen_client import AuthenticatedClient
from evergreen_client.api.native import list_models, predict
from evergreen_client.models import PredictRequest
client = AuthenticatedClient(os.environ["EVERGREEN_URL"], token=os.environ["EVERGREEN_API_KEY"])
print(", ".join(model.name for model in list_models.sync(client=client).models))
answer = predict.sync(client=client, body=PredictRequest(inputs="A warm, funny and moving film."))
print(answer.predictions[0].label, answer.predictions[0].score)
"""
USE_TYPESCRIPT = """
import type { operations } from "./schema.js";
type Body = operations["predict"]["requestBody"]["content"]["application/json"];
type Answer = operations["predict"]["responses"][200]["content"]["application/json"];
export const body: Body = { inputs: "A warm, funny film.", parameters: { explain: true } };
export const name = (answer: Answer): string => answer.model.name;
// @ts-expect-error -- a number is no text
export const wrong: Body = { inputs: 5 };
"""


def main() -> None:
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    key = secrets.token_urlsafe(32)
    with running_server(**wanting(key)) as server:
        with urllib.request.urlopen(f"{server.url}/openapi.json") as document:
            (OUTPUT / "openapi.json").write_bytes(document.read())
        _python(server.url, key)
    _typescript()
    print(f"Clients are in {OUTPUT.relative_to(ROOT)}: python/evergreen_client and typescript")


def _python(url: str, key: str) -> None:
    _run(sys.executable, "-m", "venv", ".venv")
    _run(".venv/bin/pip", "install", "-q", "--disable-pip-version-check", PYTHON_GENERATOR)
    package = "python/evergreen_client"
    # Its hooks format the package with ruff, which it brings along.
    _run(
        *(".venv/bin/openapi-python-client", "generate", "--path", "openapi.json"),
        *("--meta", "none", "--output-path", package, "--fail-on-warning"),
        PATH=f"{OUTPUT}/.venv/bin:{os.environ['PATH']}",
    )
    access = {"EVERGREEN_URL": url, "EVERGREEN_API_KEY": key}
    _run(".venv/bin/python", "-c", USE_PYTHON, PYTHONPATH="python", **access)


def _typescript() -> None:
    folder = OUTPUT / "typescript"
    folder.mkdir()
    (folder / "use.ts").write_text(USE_TYPESCRIPT)
    # By default it takes every member with a default for required, in requests as well.
    optional = ("--default-non-nullable", "false")
    generate = ("npx", "--yes", TYPESCRIPT_GENERATOR, "openapi.json", *optional)
    _run(*generate, "-o", "typescript/schema.ts")
    compiler = ("npx", "--yes", "-p", TYPESCRIPT, "tsc", "--strict", "--noEmit")
    _run(*compiler, "--module", "nodenext", "typescript/use.ts")


def _run(*command: str, **environment: str) -> None:
    subprocess.run(command, cwd=OUTPUT, env={**os.environ, **environment}, check=True)


if __name__ == "__main__":
    try:
        main()
    except (CommandError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"error: {error}")
