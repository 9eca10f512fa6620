"""The ids by which the prediction log and feedback know a text that was answered.

They are drawn by the service and never taken from a request, whose own id a client may send twice.
"""

from typing import Any

HEADER = "x-prediction-id"
PATTERN = r"^[0-9a-f]{32}-[0-9]{1,6}$"
# What routes that answer texts say of the header in the OpenAPI document.
DOCUMENTED: dict[int | str, dict[str, Any]] = {
    200: {
        "headers": {
            HEADER: {
                "description": "Where predictions are logged: the first text's id, for feedback. "
                "It ends in -0; the next text's is the same with -1, and so on",
                "schema": {"type": "string", "pattern": PATTERN},
            }
        }
    }
}


def prediction_id(drawn: str, place: int) -> str:
    """Of one of a request's texts. drawn: 32 random hex digits, the request's. place: from 0."""
    return f"{drawn}-{place}"
