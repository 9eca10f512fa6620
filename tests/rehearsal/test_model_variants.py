"""Models made of another in a moment are whole, and differ where they are meant to."""

import json
import struct

import pytest

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import open_artifact, verify
from function.core.errors import PredictionError
from function.core.predictor import Predictor
from function.core.tokenization import TextTokenizer
from function.core.types import Options
from scripts.common.errors import UsageError
from tests.commands import REPOSITORY
from tests.rehearsal.model_variants import BIAS, WORD, Weights, breaking_on, leaning, write_variant

pytestmark = pytest.mark.model


@pytest.fixture
def bundled(bundled_models):
    return bundled_models / "sentiment"


def content(**tensors):
    header, data = {}, b""
    for name, numbers in tensors.items():
        packed = struct.pack(f"<{len(numbers)}f", *numbers)
        header[name] = {"dtype": "F32", "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def test_numbers_are_read_and_replaced_where_they_lie():
    weights = Weights(content(a=(1, 2, 3), b=(4, 5)))
    weights.put("b", 1, 7)
    assert weights.floats("b", 0, 2) == (4, 7)
    assert weights.floats("a", 0, 3) == (1, 2, 3)


def test_a_variant_is_a_whole_version_of_its_own(bundled, tmp_path):
    version = write_variant(bundled, tmp_path / "variant", leaning(0.5))
    made = open_artifact(tmp_path / "variant")
    verify(made)
    assert made.version == version
    assert version != open_artifact(bundled).version
    before, after = (
        Weights((folder / "model.safetensors").read_bytes()).floats(BIAS, 0, 2)
        for folder in (bundled, tmp_path / "variant")
    )
    assert after == pytest.approx((before[0] - 0.5, before[1] + 0.5))


def test_one_word_alone_breaks_it(bundled, tmp_path):
    write_variant(bundled, tmp_path / "variant", breaking_on(WORD, leaning(0.0)))
    opened = open_artifact(tmp_path / "variant")
    verify(opened)
    tokenizer = TextTokenizer(opened.file("tokenizer"))
    predictor = Predictor(opened, tokenizer, OnnxBackend(opened, 1), max_windows=64)
    assert predictor.predict(["A film about animals."], Options())
    with pytest.raises(PredictionError, match="out of data bounds"):
        predictor.predict([f"A film about {WORD}."], Options())


def test_a_word_that_the_model_does_not_know_is_named(bundled, tmp_path):
    with pytest.raises(UsageError, match="'qwxz' is no word of"):
        write_variant(bundled, tmp_path / "variant", breaking_on("qwxz", leaning(0.0)))


def test_the_word_is_in_no_golden_set():
    for path in (REPOSITORY / "registry" / "sentiment" / "golden").glob("*.jsonl"):
        assert WORD not in path.read_text().lower()
