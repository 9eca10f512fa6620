"""Progress on stderr: a bar on a terminal, a plain line every half minute elsewhere."""

import sys
import time
from typing import TYPE_CHECKING, Never

if TYPE_CHECKING:
    from tqdm import tqdm

PLAIN_LINE_SECONDS = 30.0


def log(line: str) -> None:
    """Write a line to stderr at once; stdout is for results."""
    print(line, file=sys.stderr, flush=True)


class Progress:
    """Counter of finished units out of a known total, shown with figures."""

    def __init__(self, title: str, total: int, done: int = 0) -> None:
        self._title, self._total, self._done = title, total, done
        self._started, self._spoken, self._initial = time.monotonic(), 0.0, done
        self._bar = _open_bar(title, total, done) if sys.stderr.isatty() else None

    def advance(self, units: int = 1, **figures: float) -> None:
        self._done += units
        if self._bar is not None:
            self._bar.set_postfix({name: f"{value:.4g}" for name, value in figures.items()})
            self._bar.update(units)
            return
        now = time.monotonic()
        if now - self._spoken >= PLAIN_LINE_SECONDS or self._done == self._total:
            self._spoken = now
            self._say(now, figures)

    def _say(self, now: float, figures: dict[str, float]) -> None:
        rate = (self._done - self._initial) / max(now - self._started, 1e-9)
        left = (self._total - self._done) / rate if rate else 0.0
        shown = " ".join(f"{name}={value:.4g}" for name, value in figures.items())
        speed = f"{rate:,.{1 if rate < 10 else 0}f}/s, {left / 60:.0f} min left"
        log(f"{self._title}: {self._done}/{self._total} {shown} {speed}")

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()


def _open_bar(title: str, total: int, done: int) -> "tqdm[Never] | None":
    try:
        from tqdm import tqdm
    except ModuleNotFoundError:
        return None  # plain lines say the same
    return tqdm(total=total, initial=done, desc=title, file=sys.stderr, dynamic_ncols=True)
