"""A candidate's cascade on the golden set: dropped only where it is surely worse."""

from datetime import UTC, datetime

import numpy as np
import pytest

from function.core.artifact import Artifact, open_artifact, read_manifest, verify
from function.core.manifest import Blend, Cascade
from scripts.data.forms import FORMS
from scripts.gate.cascade import drop_worse_cascade
from scripts.gate.golden_set import GoldenSet
from scripts.train.cascade import LearntCascade
from scripts.train.cascade_proof import UNFITTED
from scripts.train.manifest import write_manifest
from scripts.train.ngram_table import learn_table
from tests.golden import golden_rows
from tests.tiny import write_artifact

# Sure of every text, whatever its margin.
SURE = UNFITTED.model_copy(
    update={"certainty": (10.0, 0.0, 0.0, 0.0), "threshold": 0.6, "blend": Blend(full=1, first=0)}
)


def golden(count):
    rows = golden_rows(count)
    return GoldenSet(FORMS["label"], [row["text"] for row in rows], [row["label"] for row in rows])


@pytest.fixture
def candidate(tmp_path):
    """Build an artifact whose first stage answers a share of the golden words wrongly."""

    def build(wrong: float, settings: Cascade = SURE) -> Artifact:
        folder = write_artifact(tmp_path / "candidate")
        draft = Artifact(folder, read_manifest(folder).manifest, "")
        rows = golden_rows(400)
        draw = np.random.default_rng(1)
        words = {"good": 4, "fine": 5, "bad": 6, "dull": 7}
        ids, labels = [], []
        for row in rows:
            word = row["text"].split()[-1]
            ids.append(np.array([words[word], *draw.integers(8, 11, 3)]))
            truth = int(row["label"] == "positive")
            labels.append(1 - truth if word in ("fine", "dull") and wrong else truth)
        table = learn_table(ids, np.array(labels), 2, seed=1)
        learnt = LearntCascade(table, settings, temperature=1.0)
        made = learnt.write(draft)
        manifest = made.manifest.model_copy(update={"created": datetime(2026, 1, 3, tzinfo=UTC)})
        write_manifest(manifest, folder)
        artifact = open_artifact(folder)
        verify(artifact)
        return artifact

    return build


def test_a_cascade_that_is_surely_worse_is_dropped_and_the_full_model_goes_on(candidate, tmp_path):
    artifact = candidate(wrong=0.5)
    kept, why = drop_worse_cascade(artifact, golden(400), tmp_path / "without")
    verify(kept)
    assert kept.manifest.cascade is None
    assert not (tmp_path / "without" / "cascade.safetensors").exists()
    assert kept.manifest.provenance["cascade_dropped"]["version"] == artifact.version
    assert kept.version != artifact.version
    assert kept.manifest.metrics == {}, "they were the cascade's"
    assert "stages" not in kept.manifest.profile, "drift would compare a share of 0 with it"
    assert why.startswith("The cascade was dropped: on the golden set it is 50.00 points below")
    assert kept.manifest.cascade is None
    again, _ = drop_worse_cascade(artifact, golden(400), tmp_path / "again")
    assert again.digest == kept.digest, "run again, it is the same version"


def test_a_cascade_that_is_as_good_is_kept(candidate, tmp_path):
    artifact = candidate(wrong=0.0)
    assert drop_worse_cascade(artifact, golden(400), tmp_path / "without") == (artifact, "")


def test_a_golden_set_that_is_too_small_to_tell_leaves_a_cascade_to_its_own_proof(
    candidate, tmp_path
):
    artifact = candidate(wrong=0.5)
    assert drop_worse_cascade(artifact, golden(4), tmp_path / "without") == (artifact, "")


def test_a_model_without_a_cascade_is_not_asked_twice(tmp_path):
    artifact = open_artifact(write_artifact(tmp_path / "plain"))
    assert drop_worse_cascade(artifact, golden(400), tmp_path / "without") == (artifact, "")


def test_a_candidate_that_does_not_fit_the_golden_set_is_left_for_the_gate_to_refuse(
    candidate, tmp_path
):
    artifact = candidate(wrong=0.5)
    other = GoldenSet(FORMS["label"], ["good film", "bad"], ["neutral", "negative"])
    assert drop_worse_cascade(artifact, other, tmp_path / "without") == (artifact, "")
