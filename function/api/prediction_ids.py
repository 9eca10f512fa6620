"""Ids of answered texts, which join feedback to the prediction log.

The service draws them and takes none from a request: a client may send its own id twice.
"""

from typing import Any

HEADER = "x-prediction-id"
PATTERN = r"^[0-9a-f]{32}-[0-9]{1,6}$"
# The header in the OpenAPI document, for routes that answer texts.
DOCUMENTED: dict[int | str, dict[str, Any]] = {
    200: {
        "headers": {
            HEADER: {
                "description": "The first text's id, for feedback, if predictions are logged. "
                "It ends in -0; the next text's id is the same with -1, and so on",
                "schema": {"type": "string", "pattern": PATTERN},
            }
        }
    }
}


def prediction_id(drawn: str, index: int) -> str:
    """Return the id of one text of a request, for which 32 random hex digits were drawn."""
    return f"{drawn}-{index}"
