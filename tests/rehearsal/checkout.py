"""A copy of the working tree, with a repository of its own to commit to."""

import shutil
import subprocess
from pathlib import Path

from scripts.common.errors import CommandError, UsageError

# Works without git's configuration of a person, and runs none of their hooks and signatures.
AUTHOR = ("-c", "user.name=rehearsal", "-c", "user.email=rehearsal@localhost")
QUIET = ("-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0")
STAGES = '''"""One stage, in an account that is this machine, of this machine's architecture."""

from infra.configuration.api import ApiConfiguration
from infra.configuration.bulk import BulkConfiguration
from infra.configuration.function import FunctionConfiguration
from infra.configuration.project import GitHubRepository, ProjectConfiguration
from infra.configuration.stage import StageConfiguration

PROJECT = ProjectConfiguration(
    name="evergreen",
    repository=GitHubRepository(owner="rehearsal", name="evergreen", owner_id=1, repository_id=2),
)
PROD = StageConfiguration(
    name="prod",
    account="{account}",
    region="{region}",
    environments=("prod",),
    refresh_environment="prod-refresh",
    moves_production=True,
    api=ApiConfiguration(auth="key"),
    bulk=BulkConfiguration(),
    function=FunctionConfiguration(
        architecture="{architecture}", rollout="Canary10Percent5Minutes"
    ),
)
STAGES = (PROD,)
'''


class Checkout:
    """The copy. path: its folder."""

    def __init__(self, origin: Path, path: Path) -> None:
        """Copy the files of `origin` that git tracks or does not ignore. Raises UsageError."""
        listed = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        self.path = path
        for name in _git(origin, *listed).split("\0"):
            if name and (origin / name).is_file():
                target = path / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(origin / name, target)
        _git(path, "init", "--quiet", "--initial-branch=main")

    def commit(self, message: str) -> str:
        """Commit all changes; return the commit."""
        _git(self.path, "add", "--all")
        _git(self.path, *AUTHOR, *QUIET, "commit", "--quiet", "--message", message)
        return _git(self.path, "rev-parse", "HEAD").strip()

    def change(self, name: str, added: str, message: str) -> str:
        """Append text to a file and commit it; return the commit."""
        with (self.path / name).open("a") as file:
            file.write(added)
        return self.commit(message)

    def revert(self) -> str:
        """Revert the last commit by another one; return that."""
        _git(self.path, *AUTHOR, *QUIET, "revert", "--no-edit", "HEAD")
        return _git(self.path, "rev-parse", "HEAD").strip()

    def configure(self, account: str, region: str, architecture: str) -> None:
        """Fill in infra/stages.py, as a fork does first."""
        text = STAGES.format(account=account, region=region, architecture=architecture)
        (self.path / "infra" / "stages.py").write_text(text)


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise UsageError("git is not there, and a rehearsal needs commits: install it") from error
    if done.returncode:
        raise CommandError(f"git {' '.join(arguments[:4])}: {done.stderr.strip()}")
    return done.stdout
