"""Every line of the server's log is one JSON object, whoever writes it."""

import json
import logging
import sys


class JsonFormatter(logging.Formatter):
    """What libraries log, in the shape of the request lines."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, separators=(",", ":"))


def configure(level: str) -> None:
    """Send what any library logs or warns of to stdout, from a level on."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.captureWarnings(capture=True)
