"""The experiments as they stand in the documentation."""

from collections.abc import Mapping, Sequence

from scripts.monitoring.experiments import SIZES, STREAMS, Outcome
from scripts.monitoring.reference import Reference
from scripts.monitoring.wording import NAMES
from scripts.training.report.markdown import table


def experiments_page(
    reference: Reference,
    quiet: Mapping[str, Sequence[Outcome]],
    planted: Sequence[Outcome],
    command: str,
) -> str:
    """quiet: outcomes by the reference that they were compared with."""
    head = [f"{size:,}" for size in SIZES]
    calm = [
        [f"{outcome.case}, beside {name}", *_found(outcome), _features(outcome)]
        for name, outcomes in quiet.items()
        for outcome in outcomes
    ]
    drifted = [
        [outcome.case, *_found(outcome), _median(outcome), _features(outcome)]
        for outcome in planted
    ]
    return "\n".join(
        [
            f"Measured by `{command}`; {reference.texts:,} texts are the reference. Of {STREAMS} "
            "windows of each size, so many were called drift.",
            "",
            "Nothing is planted:",
            "",
            table(["traffic", *head, "by"], calm),
            "",
            "Drift is planted; `requests` is how many it takes until half of the streams are "
            "found:",
            "",
            table(["traffic", *head, "requests", "by"], drifted),
            "",
        ]
    )


def _found(outcome: Outcome) -> list[str]:
    return [str(outcome.found[size]) for size in SIZES]


def _median(outcome: Outcome) -> str:
    if outcome.median is None:
        return f"– (not in {SIZES[-1]:,})"
    return f"{outcome.median:,}"


def _features(outcome: Outcome) -> str:
    return ", ".join(NAMES[feature] for feature in outcome.features) or "–"
