"""Clients as they are installed, with pairs of texts: Hugging Face's, Triton's."""

from typing import Any

import numpy as np
import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from tritonclient.http import (  # type: ignore[import-untyped]
    InferenceServerClient,
    InferInput,
)
from tritonclient.utils import InferenceServerException  # type: ignore[import-untyped]

from function.core.heads import ScoreDecoding
from tests.serving import build_app, running_app
from tests.tiny import write_artifact

pytestmark = pytest.mark.integration

CONFIDENT = 1 / (1 + np.exp(-8))


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    models = tmp_path_factory.mktemp("models")
    write_artifact(models / "same", model="same", pairs=True)
    raw = ScoreDecoding(activation="none")
    write_artifact(models / "ranker", model="ranker", pairs=True, decoding=raw, labels=["score"])
    with running_app(build_app(models, "same")) as address:
        yield address


def test_hugging_faces_client_classifies_a_pair(url):
    client = InferenceClient(url, token="none")
    pair: Any = {"text": "good film", "text_pair": "fine"}
    best, other = client.text_classification(pair)
    assert (best.label, other.label) == ("positive", "negative")
    assert best.score == pytest.approx(CONFIDENT)
    with pytest.raises(HfHubHTTPError, match="reads pairs of texts"):
        client.text_classification("good film")


def tensor(name, *texts):
    given = InferInput(name, [len(texts)], "BYTES")
    given.set_data_from_numpy(np.array([text.encode() for text in texts], dtype=np.object_))
    return given


def test_tritons_client_sends_second_texts_as_a_second_tensor(url):
    client = InferenceServerClient(url.removeprefix("http://"))
    described = client.get_model_metadata("ranker")["inputs"]
    assert [each["name"] for each in described] == ["text", "text_pair"]
    both = [tensor("text", "good", "bad"), tensor("text_pair", "fine", "the")]
    assert client.infer("ranker", both).as_numpy("score").tolist() == [4.0, -2.0]
    assert client.infer("ranker", both[::-1]).as_numpy("score").tolist() == [4.0, -2.0]
    with pytest.raises(InferenceServerException, match="reads pairs of texts"):
        client.infer("ranker", both[:1])
