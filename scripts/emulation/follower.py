"""The emulator's log on the terminal as it grows, without the emulator's own chatter."""

import re
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

POLL_SECONDS = 0.2
# Its REPORT lines go too: their memory and init figures are made up.
CHATTER = re.compile(r"\d+ \w+ \d+ [\d:,]+ \[INFO\] \(rapid\) |START RequestId|END Req|REPORT Req")
COLD_START = re.compile(r"\(rapid\) INIT REPORT\(durationMs: (?P<milliseconds>[\d.]+)\)")
INIT_ENDED = re.compile(r"\(rapid\) INIT RTDONE\(status: (?P<status>\w+)\)")


class LogFollower:
    """Copies a log file's new lines to stderr until it is left, then what remains."""

    def __init__(self, path: Path) -> None:
        self._path, self._position, self._loaded = path, 0, False
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._left.set()
        self._thread.join()
        self._copy(all_of_it=True)

    def _follow(self) -> None:
        while not self._left.wait(POLL_SECONDS):
            self._copy(all_of_it=False)

    def _copy(self, *, all_of_it: bool) -> None:
        with self._path.open("rb") as log:
            log.seek(self._position)
            new = log.read()
        if not all_of_it:
            # A line that is still being written waits for its end.
            new = new[: new.rfind(b"\n") + 1]
        self._position += len(new)
        for line in new.decode(errors="replace").splitlines():
            self._show(line)

    def _show(self, line: str) -> None:
        if init := INIT_ENDED.search(line):
            self._loaded = init["status"] == "success"
            if not self._loaded:
                print("The handler could not be loaded.", file=sys.stderr)
        elif (cold_start := COLD_START.search(line)) and self._loaded:
            print(f"Cold start: {float(cold_start['milliseconds']):.0f} ms", file=sys.stderr)
        elif line.strip() and not CHATTER.match(line):
            print(line, file=sys.stderr)
