from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import open_artifact
from function.core.predictor import load_predictor
from scripts.data.spans import Span
from scripts.data.truth import TextRows
from scripts.evaluate.entity_answers import EntityAnswers
from scripts.evaluate.heads import answer
from tests.tiny_entities import write_entity_artifact


def test_an_artifact_is_asked_as_it_is_served(tmp_path):
    artifact = open_artifact(write_entity_artifact(tmp_path / "ner"))
    predictor = load_predictor(artifact, lambda found: OnnxBackend(found, 1), 100)
    rows = TextRows(["in Paris in", " ", "Ada"], [[Span(3, 8, "LOC")], [], [Span(0, 3, "LOC")]])
    found = answer(EntityAnswers, predictor, rows, "test")
    assert found.texts == ["in Paris in", "Ada"]
    assert [each.spans for each in found.found] == [[Span(3, 8, "LOC")], [Span(0, 3, "PER")]]
    assert found.figures["f1"] == 0.5
