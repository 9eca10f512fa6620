"""Tiny random checkpoints of every kind that is imported, compared with transformers' pipelines.

`make test` tries a diagonal, `make fuzz` all.
"""

import os

import pytest

from scripts.common.errors import ExportError, SourceError
from scripts.common.markdown import replace_part
from tests.checkpoints import by_label
from tests.fuzz.import_matrix import (
    ARCHITECTURES,
    CELLS,
    DIAGONAL,
    HEADS,
    PAGE,
    PART,
    REFUSED,
    TOKENIZERS,
    render,
)
from tests.integration import test_heads
from tests.integration.test_heads import (
    TEXTS,
    Imported,
    imported,
    spans,
    write_checkpoint,
)

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("quick")]

ALL = int(os.environ.get("FUZZ", "1")) > 1
TOLERANCE = 5e-4  # of a probability or number: T5 does not scale its products, whose floats differ


def checkpoint_of(folder, config, head, tokenizer, monkeypatch):
    """Write a checkpoint of one layer."""
    auto, labels, more = HEADS[head]
    family = (config, *test_heads.FAMILIES[TOKENIZERS[tokenizer]][1:])
    monkeypatch.setitem(test_heads.FAMILIES, "this", family)
    return write_checkpoint(folder, "this", auto, labels, num_hidden_layers=1, **more)


@pytest.mark.parametrize(("name", "head", "tokenizer"), CELLS if ALL else DIAGONAL)
def test_an_imported_checkpoint_answers_as_transformers_pipeline(
    name, head, tokenizer, tmp_path, monkeypatch
):
    checkpoint = checkpoint_of(
        tmp_path / "checkpoint", ARCHITECTURES[name], head, tokenizer, monkeypatch
    )
    model = Imported(checkpoint, imported(checkpoint, tmp_path / "artifact", precision="fp32"))
    if head == "tags":
        exact = model.pipeline("token-classification")(TEXTS, aggregation_strategy="simple")
        for answer, expected in zip(model.answers(), exact, strict=True):
            assert [(each.label, each.start, each.end) for each in answer.entities] == spans(
                expected
            )
            scores = [each["score"] for each in expected]
            assert [each.score for each in answer.entities] == pytest.approx(scores, abs=TOLERANCE)
        assert sum(map(len, exact)) > 5
        return
    exact = model.pipeline("text-classification")(TEXTS, top_k=None)
    for answer, (*expected,) in zip(model.answers(), exact, strict=True):
        if head == "number":
            found = {"stars": answer.score}
        else:
            found = {each.label: each.score for each in answer.scores}
        assert found == pytest.approx(by_label(expected), abs=TOLERANCE)
    assert len({round(max(by_label(each).values()), 3) for each in exact}) > 3


@pytest.mark.parametrize("name", REFUSED if ALL else [*REFUSED][:1])
def test_others_are_refused_with_the_cause(name, tmp_path, monkeypatch):
    config, cause = REFUSED[name]
    checkpoint = checkpoint_of(tmp_path / "it", config, "one label", "WordPiece", monkeypatch)
    with pytest.raises((ExportError, SourceError), match=cause):
        imported(checkpoint, tmp_path / "artifact", precision="fp32")


def test_the_page_has_the_table_of_what_is_tried():
    written = replace_part(PAGE, PART, render())
    assert PAGE.read_text() == written, "python -m tests.fuzz.import_matrix writes it"
