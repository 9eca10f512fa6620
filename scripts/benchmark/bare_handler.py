"""A fresh Lambda process without Lambda: import the handler, answer one event.

Run as `python -m scripts.benchmark.bare_handler EVENT_FILE`.
"""

import json
import sys
from pathlib import Path

from function.lambda_handler import handler


def main() -> None:
    answer = handler(json.loads(Path(sys.argv[1]).read_bytes()), None)
    if answer["statusCode"] != 200:
        sys.exit(f"the handler answered {answer}")
    print("answered", answer["statusCode"], flush=True)


if __name__ == "__main__":
    main()
