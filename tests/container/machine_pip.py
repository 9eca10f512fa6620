"""This machine's pip settings inside a build: the same indexes, certificates and wheels.

The build gets them as a secret, and the folders that they name as volumes. Nothing of them stays in
an image, and no test knows a machine's paths.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

SETTING = re.compile(r"^(?P<section>[\w.:-]+?)\.(?P<name>[\w-]+)=(?P<value>.*)$")
ENVIRONMENT = ":env:"


def pip_build_options(folder: Path) -> list[str]:
    """Return options of `podman build`. folder: for the secret's file."""
    options: list[str] = []
    sections: dict[str, dict[str, str]] = {}
    for section, name, value in sorted(_settings(), key=lambda one: one[0] == ENVIRONMENT):
        words = [_mounted(word, options) for word in value.split()]
        section = "global" if section == ENVIRONMENT else section
        sections.setdefault(section, {})[name] = " ".join(words)
    secret = folder / "pip.conf"
    secret.touch(mode=0o600)
    secret.write_text(
        "\n".join(
            f"[{section}]\n" + "\n".join(f"{name} = {value}" for name, value in settings.items())
            for section, settings in sections.items()
        )
        + "\n"
    )
    return ["--secret", f"id=pip,src={secret}", "--network", "host", *options]


def _settings() -> Iterator[tuple[str, str, str]]:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    for line in done.stdout.splitlines():
        if found := SETTING.match(line):
            yield found["section"], found["name"], str(ast.literal_eval(found["value"]))


def _mounted(word: str, options: list[str]) -> str:
    """Return a word of a setting; a local file or folder by its path inside the build."""
    is_url = word.startswith("file://")
    path = Path(urlsplit(word).path if is_url else word)
    if not path.is_absolute() or not path.exists():
        return word
    # The pages of an index on disk point to wheels that lie next to it.
    shared = path.parent if is_url and path.parent != Path("/") else path
    inside = Path("/mnt/pip", str(len(options) // 2))
    options += ["--volume", f"{shared}:{inside}:ro"]
    inside = inside / path.relative_to(shared) if path != shared else inside
    return f"file://{inside}" if is_url else str(inside)
