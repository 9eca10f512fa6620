"""Outcome of the gate. Jobs that only read verdicts import it, so it needs no installed package."""

from enum import StrEnum


class GateOutcome(StrEnum):
    """The conclusion of the gate on a candidate, of one requirement, or of a refresh.

    A requirement may be NOT_JUDGED, for lack of rows or of a champion, without stopping the
    candidate. A refresh finds NOTHING_NEW where the gate has nothing to decide.
    """

    PASSED = "passed"
    REFUSED = "refused"
    UNDERPOWERED = "underpowered"
    NOT_JUDGED = "not judged"
    NOTHING_NEW = "nothing new"
