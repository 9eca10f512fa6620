"""Bytes that a first answer reads of an image that nobody has read yet.

Lambda fetches a container image over the network in chunks, as they are touched. Here the tree of
the function's image lies on a file system of its own, mounted again for each start, and the kernel
then says which pages of each file were read. Mounting needs Linux and root.
"""

import ctypes
import mmap
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.benchmark.figures import ColdImage, ColdStart
from scripts.benchmark.footprint import function_packages
from scripts.benchmark.plan import EVENT, REPOSITORY, Plan, Subject
from scripts.common.errors import CommandError
from scripts.common.progress import Progress

READAHEADS = {"none": 0, "128 KB": 256}  # in sectors of 512 bytes, as `blockdev` takes them
CHUNK = 512 * 1024  # that Lambda fetches together
PAGE = mmap.PAGESIZE
SIZE = 1_000_000_000  # of the file system
BARE, HANDLER = "bare script", "our Lambda handler"
NEEDED = ("mkfs.ext4", "mount", "umount", "losetup", "blockdev", "findmnt")


def why_not() -> str | None:
    """Return why this machine cannot measure it; None if it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "it takes Linux and root, to mount a file system"
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} is missing"
    free = subprocess.run(["losetup", "-f"], capture_output=True, check=False, timeout=60)
    return "there is no free loop device" if free.returncode else None


def measure_cold_image(subject: Subject, plan: Plan) -> ColdImage | None:
    """Start both programs in turn, each from a file system that was just mounted.

    Returns None, with the reason on stderr, where that cannot be done. Raises CommandError.
    """
    reason = why_not()
    if reason:
        print(f"Without a cold image: {reason}", file=sys.stderr)
        return None
    starts: dict[str, list[ColdStart]] = {}
    with TemporaryDirectory() as scratch, Progress("cold image", plan.cold_images) as progress:
        image, mounted = Path(scratch) / "image", Path(scratch) / "mounted"
        mounted.mkdir()
        _make(image, mounted, subject)
        programs = {
            BARE: ("bare_runtime", str(mounted / "models" / subject.model.name)),
            HANDLER: ("bare_handler", str(EVENT)),
        }
        for _ in range(plan.cold_images):
            for readahead, sectors in READAHEADS.items():
                for name, program in programs.items():
                    with _mounted(image, mounted, sectors):
                        found = _start(subject, mounted, program)
                    starts.setdefault(f"{name}, readahead {readahead}", []).append(found)
            progress.advance(1)
    return ColdImage({name: _middle(found) for name, found in starts.items()})


def _make(image: Path, mounted: Path, subject: Subject) -> None:
    """Make a file system with the packages, the code and the model of the function's image."""
    with image.open("wb") as file:
        file.truncate(SIZE)
    _output("mkfs.ext4", "-q", "-F", str(image))
    with _mounted(image, mounted, 0):
        task = mounted / "task"
        for name in function_packages():
            for source in distribution(name).files or []:
                if ".." not in source.parts and source.suffix != ".pyc":
                    (task / source).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(Path(str(source.locate())), task / source)
        compiling = (subject.python, "-X", "no_debug_ranges")
        _output(*compiling, str(REPOSITORY / "scripts" / "compile.py"), str(task))
        without_lists = shutil.ignore_patterns("*.txt", "__pycache__")
        shutil.copytree(REPOSITORY / "function", task / "function", ignore=without_lists)
        shutil.copy(Path(__file__).with_name("subjects.py"), task)
        shutil.copytree(subject.model, mounted / "models" / subject.model.name)
        unchecked = ("-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash")
        _output(*compiling, *unchecked, str(task / "function"), str(task / "subjects.py"))


@contextmanager
def _mounted(image: Path, mounted: Path, sectors: int) -> Iterator[None]:
    """Mount the file system; nothing of it is in memory then."""
    _output("mount", "-o", "loop", str(image), str(mounted))
    try:
        device = _output("findmnt", "-n", "-o", "SOURCE", str(mounted))
        _output("blockdev", "--setra", str(sectors), device)
        yield
    finally:
        _output("umount", str(mounted))


def _start(subject: Subject, mounted: Path, program: tuple[str, str]) -> ColdStart:
    task = mounted / "task"
    environment = subject.image_environment() | {
        "MODELS_DIR": str(mounted / "models"),
        "PYTHONPATH": str(task),
        "PATH": os.environ["PATH"],
    }
    begun = time.perf_counter()
    done = subprocess.run(
        [subject.python, "-S", str(task / "subjects.py"), *program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise CommandError(f"{program[0]} gave no answer:\n{done.stderr[-2000:]}")
    touched, chunks, offset = {}, set(), 0
    for file in sorted(path for path in mounted.rglob("*") if path.is_file()):
        pages = _resident(file)
        if pages:
            touched[file.relative_to(mounted).as_posix()] = len(pages) * PAGE
        chunks |= {(offset + page * PAGE) // CHUNK for page in pages}
        offset += file.stat().st_size
    return ColdStart(sum(touched.values()), len(touched), len(chunks), seconds, touched)


def _resident(file: Path) -> list[int]:
    """Return the numbers of a file's pages that are in memory."""
    size = file.stat().st_size
    if not size:
        return []
    libc = ctypes.CDLL(None, use_errno=True)
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), size, mmap.MAP_PRIVATE) as mapped:
        marks = (ctypes.c_ubyte * -(-size // PAGE))()
        start = ctypes.c_char.from_buffer(mapped)
        failed = libc.mincore(
            ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(size), marks
        )
        del start
        if failed:
            raise OSError(ctypes.get_errno(), "mincore")
    return [number for number, mark in enumerate(marks) if mark & 1]


def _middle(starts: list[ColdStart]) -> ColdStart:
    """Return the start of median time."""
    return sorted(starts, key=lambda each: each.seconds)[len(starts) // 2]


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        raise CommandError(f"{command[0]} failed: {done.stderr.strip()[-500:]}")
    return done.stdout.strip()
