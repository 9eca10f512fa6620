"""What every command shares: arguments in, an exit code out, errors as one line."""

import sys
from collections.abc import Callable

from function.core.errors import EvergreenError
from scripts.lifecycle.errors import CommandError


def run(command: Callable[[], None]) -> None:
    """Run a command's main function and exit as `design` promises: 0 done, 1 failed, 2 usage."""
    try:
        command()
    except EvergreenError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code if isinstance(error, CommandError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
