"""State of the working tree, as git reports it."""

import subprocess

HEX_DIGITS = 40


def commit() -> str:
    """Return the commit, with `-dirty` where files differ from it, or `unknown` without one."""
    head = git("rev-parse", "HEAD")
    return f"{head}-dirty" if head and git("status", "--porcelain") else head or "unknown"


def is_commit(source: str) -> bool:
    """Return whether a source is a plain commit, which identifies the content."""
    return len(source) == HEX_DIGITS


def git(*arguments: str) -> str:
    """Return what git prints, nothing without git or a repository."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
