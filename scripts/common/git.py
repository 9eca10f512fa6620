"""What git says of the working tree that is deployed."""

import subprocess

HEX_DIGITS = 40


def commit() -> str:
    """The commit, with `-dirty` where files differ from it; `unknown` where there is none."""
    head = git("rev-parse", "HEAD")
    return f"{head}-dirty" if head and git("status", "--porcelain") else head or "unknown"


def is_commit(source: str) -> bool:
    """Whether it is a commit alone, by which content can be told."""
    return len(source) == HEX_DIGITS


def git(*arguments: str) -> str:
    """What git says, nothing where there is no git or no repository."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
