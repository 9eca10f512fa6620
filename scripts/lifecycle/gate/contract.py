"""What callers of a model rely on, and what no gain in right answers makes up for."""

from typing import Any

from function.core.artifact import Manifest
from scripts.lifecycle.gate.golden_set import GoldenSet
from scripts.lifecycle.gate.judgement import Finding


def judge_contract(
    candidate: Manifest, champion: Manifest | None, golden: GoldenSet[Any]
) -> list[Finding]:
    """The promises that the candidate breaks; none is what is wanted."""
    broken = []
    if champion is not None and candidate.task != champion.task:
        broken.append(
            Finding(
                "task",
                "refused",
                f"The task is {candidate.task}; the champion's is {champion.task}.",
            )
        )
    if champion is not None and candidate.labels != champion.labels:
        broken.append(
            Finding(
                "labels",
                "refused",
                f"The labels are {', '.join(candidate.labels)}; the champion's are "
                f"{', '.join(champion.labels)}, in this order.",
            )
        )
    unknown = sorted(golden.used_labels - set(candidate.labels))
    if golden.task != candidate.task:
        broken.append(
            Finding(
                "task of the golden set",
                "refused",
                f"The golden set is for {golden.task}: each text has {golden.form}; the "
                f"candidate's task is {candidate.task}. Freeze a golden set for that task.",
            )
        )
    elif unknown:
        broken.append(
            Finding(
                "labels of the golden set",
                "refused",
                f"The golden set has the labels {', '.join(unknown)}, which the candidate cannot "
                f"give; its labels are {', '.join(candidate.labels)}.",
            )
        )
    return broken
