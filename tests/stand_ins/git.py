"""Git, as far as commands that need another commit's files call it."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

LOCK = Path("infra/requirements.txt")


@dataclass
class Git:
    """A repository, whose worktrees are named by their commits and hold a lock alone.

    Attributes:
        commits: That the checkout stands on.
        remote: Others, if the clone is shallow, that it can fetch.
        lock: Content of the lock in each worktree.
        worktrees: Folders that were checked out and not removed.
    """

    commits: set[str] = field(default_factory=set)
    remote: set[str] = field(default_factory=set)
    lock: bytes = field(default_factory=LOCK.read_bytes)
    worktrees: list[Path] = field(default_factory=list)

    def __call__(self, *arguments: str) -> str:
        """Return what git prints, nothing where it fails."""
        match arguments:
            case ("rev-parse", "--is-shallow-repository"):
                return str(bool(self.remote)).lower()
            case ("fetch", "--quiet", "--unshallow", "origin"):
                self.commits |= self.remote
            case ("merge-base", source, "HEAD"):
                return source if source in self.commits else ""
            case ("worktree", "add", "--detach", folder, source) if source in self.commits:
                lock = Path(folder) / LOCK
                lock.parent.mkdir(parents=True)
                lock.write_bytes(self.lock)
                self.worktrees.append(Path(folder))
            case ("worktree", "remove", "--force", folder):
                shutil.rmtree(folder)
                self.worktrees.remove(Path(folder))
            case _:
                raise AssertionError(arguments)
        return ""
