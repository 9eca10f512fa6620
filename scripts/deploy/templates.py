"""The templates of a release: the CDK app of its commit, which may differ from this checkout's.

Only the app is of that commit. Commands stay those of this checkout, since a registry may hold what
older ones cannot read; the CDK's own command line too, since it reads what older apps write.
"""

import re
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from infra.configuration.deployment import Deployment
from scripts.common.errors import CommandError
from scripts.common.git import commit, git
from scripts.common.progress import log
from scripts.deploy import stacks
from scripts.deploy.cdk import HERE, CdkApp, synthesise
from scripts.deploy.image import files_digest
from scripts.registry.releases import Release

LOCK = Path("infra/requirements.txt")
CDK = ("aws-cdk", "cdk-", "constructs", "jsii")  # beginnings of the packages that write templates
SOURCES = (Path("cdk.json"), Path("infra"))
COMMIT = re.compile(r"[0-9a-f]{40}")  # git would take other texts of a release as options


class Templates(NamedTuple):
    """A CDK app, and the names of its stacks of one stage."""

    app: CdkApp
    stacks: Collection[str]


def templates_digest() -> str:
    """Return the SHA-256 over the files of this checkout that templates are made of."""
    return files_digest(*SOURCES)


@contextmanager
def templates_of(
    release: Release, deployment: Deployment, *, current: bool = False
) -> Iterator[Templates]:
    """Yield the templates of a release's commit, and log which ones they are.

    They are this checkout's if `current`, or if it does not stand on that commit. Raises
    CommandError where they cannot be synthesised.
    """
    here, source = commit(), release.commit
    why = "" if current or source == here else _missing(source)
    if why:
        log(f"note: {release.name} cannot have its own templates back: {why}")
    if current or why or source == here:
        log(f"templates: of this checkout, commit {here}")
        yield Templates(HERE, stacks.names(deployment))
        return
    log(f"templates: of commit {source}")
    with TemporaryDirectory() as scratch, _worktree(source, Path(scratch, source)) as folder:
        try:
            app = CdkApp(folder, _python(folder))
            found = synthesise(deployment.stage.name, app=app)
        except (CommandError, OSError) as error:
            raise CommandError(
                f"{error}\nnothing was deployed: --current-templates takes those of this checkout"
            ) from error
        yield Templates(app, found)


def _missing(source: str) -> str:
    """Return why this checkout cannot have a release's commit back; empty where it can.

    It has those that it stands on. Others may be of a branch or a fork that nobody reviewed, and a
    release can be recorded by roles that may deploy no templates.
    """
    if not COMMIT.fullmatch(source):
        return f"it was deployed from files that are in no commit ({source})"
    if git("rev-parse", "--is-shallow-repository") == "true":
        git("fetch", "--quiet", "--unshallow", "origin")
    if git("merge-base", source, "HEAD") != source:
        return f"its commit {source} is none that this checkout stands on"
    return ""


@contextmanager
def _worktree(source: str, folder: Path) -> Iterator[Path]:
    """Check a commit out to a folder, and forget it in the end. Raises CommandError."""
    git("worktree", "add", "--detach", str(folder), source)
    if not folder.is_dir():
        raise CommandError(f"'git worktree add {folder} {source}' failed")
    try:
        yield folder
    finally:
        git("worktree", "remove", "--force", str(folder))


def _python(folder: Path) -> str:
    """Return a Python with an app's packages, which are installed where the CDK's differ from here.

    Raises CommandError where that fails, OSError where the app has no lock.
    """
    if _cdk_packages(folder / LOCK) == _cdk_packages(LOCK):
        return sys.executable
    log(f"its {LOCK} has another CDK than this checkout's: its packages are installed")
    environment = folder / ".venv"
    python = str(environment / "bin" / "python")
    pip = ["-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    for command in (
        [sys.executable, "-m", "venv", str(environment)],
        [python, *pip, "--no-deps", "--require-hashes", "-r", str(folder / LOCK)],
    ):
        done = subprocess.run(command, stdout=sys.stderr.fileno(), check=False)
        if done.returncode:
            raise CommandError(f"{' '.join(command)} failed; its output above says why")
    return python


def _cdk_packages(lock: Path) -> list[str]:
    return [line for line in lock.read_text().splitlines() if line.startswith(CDK)]
