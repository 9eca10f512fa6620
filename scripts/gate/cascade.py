"""A candidate's cascade compared with its own full model, on the golden set."""

import shutil
from pathlib import Path
from typing import Any

from function.core.artifact import Artifact, open_artifact
from function.core.errors import ArtifactError, InputError, PredictionError
from function.core.manifest import MANIFEST
from scripts.evaluate.evaluation import load_verified
from scripts.evaluate.paired import compare_paired
from scripts.gate.decision import judge_contract
from scripts.gate.golden_set import GoldenSet


def drop_worse_cascade(
    candidate: Artifact, golden: GoldenSet[Any], folder: Path
) -> tuple[Artifact, str]:
    """Return the candidate, or a copy without its cascade where that is surely worse, and why.

    Where the golden set is too small to judge, the cascade stands on the proof in its manifest.
    A candidate that does not fit the golden set, or cannot answer it, stays as it is: the gate
    refuses it.
    """
    if candidate.manifest.cascade is None or judge_contract(candidate.manifest, None, golden):
        return candidate, ""
    try:
        served = golden.answers(load_verified(candidate), "candidate, golden set")
        full = golden.answers(load_verified(candidate, cascade=False), "its full model, golden set")
    except (ArtifactError, InputError, PredictionError):
        return candidate, ""
    paired = compare_paired(served.right, full.right)
    if paired.high >= 0:
        return candidate, ""
    shutil.copytree(candidate.path, folder)
    # The card praises the cascade, too.
    files = dict(candidate.manifest.files)
    for name in [name for name, entry in files.items() if entry.role in ("first_stage", "card")]:
        (folder / name).unlink()
        del files[name]
    dropped = {"version": candidate.version, "difference": round(paired.difference, 5)}
    # Figures and card were the cascade's, and so are the shares that drift would compare with.
    profile = {key: each for key, each in candidate.manifest.profile.items() if key != "stages"}
    changes = {
        "files": files,
        "metrics": {},
        "profile": profile,
        "cascade": None,
        "provenance": candidate.manifest.provenance | {"cascade_dropped": dropped},
    }
    manifest = candidate.manifest.model_copy(update=changes)
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return open_artifact(folder), (
        f"The cascade was dropped: on the golden set it is {-100 * paired.difference:.2f} points "
        f"below its own full model ({100 * paired.low:+.2f} to {100 * paired.high:+.2f})."
    )
