import threading

import numpy as np
import pytest

from function.backends.onnx_backend import OnnxBackend
from function.batching.batcher import BatchLimits
from function.batching.engine import BatchingEngine
from function.core.catalog import Catalog
from function.core.errors import PredictionError
from function.server.warm_up import warm_up


@pytest.fixture
def run_warm_up(make_predictor, monkeypatch):
    """Warm up a model of 8 tokens a window: (windows, tokens, whether some is padding) of calls."""

    def run_warm_up(batch_tokens):
        predictor, calls = make_predictor(max_tokens=8), []
        run = predictor._backend.run

        def recorded(input_ids, attention_mask):
            calls.append((*input_ids.shape, not attention_mask.all()))
            return run(input_ids, attention_mask)

        monkeypatch.setattr(predictor._backend, "run", recorded)
        warm_up(predictor, batch_tokens)
        return calls

    return run_warm_up


def test_it_runs_the_shortest_window_the_longest_a_padded_batch_and_a_full_one(run_warm_up):
    assert run_warm_up(64) == [(1, 2, False), (1, 8, False), (2, 8, True), (8, 8, False)]


def test_a_padded_batch_is_run_where_two_of_the_longest_do_not_fit_one(run_warm_up):
    assert run_warm_up(8) == [(1, 2, False), (1, 8, False), (2, 4, True), (1, 8, False)]


def test_a_batch_of_one_token_can_be_warmed_up_too(run_warm_up):
    assert {padded for _, _, padded in run_warm_up(1)} == {False}


@pytest.mark.parametrize("sick", range(4))
def test_a_model_that_answers_no_numbers_is_refused_whichever_call_it_is(make_predictor, sick):
    predictor = make_predictor()
    run, calls = predictor._backend.run, 0

    def sometimes(input_ids, attention_mask):
        nonlocal calls
        logits = run(input_ids, attention_mask)
        if calls == sick:
            logits = np.full_like(logits, np.nan)
        calls += 1
        return logits

    predictor._backend.run = sometimes
    with pytest.raises(PredictionError, match="not finite"):
        warm_up(predictor, 64)


def test_nothing_is_ready_before_it_is_warm(artifact):
    warming, gate = threading.Event(), threading.Event()

    def prepare(predictor):
        warming.set()
        gate.wait(5)
        warm_up(predictor, 64)

    catalog = Catalog(
        artifact.parent, "sentiment", lambda a: OnnxBackend(a, 1), max_windows=64, prepare=prepare
    )
    engine = BatchingEngine(catalog, lambda _: BatchLimits(64, 4, 0.001), calls=1, queue=10)
    loading = threading.Thread(target=catalog.load)
    loading.start()
    assert warming.wait(5)
    assert not engine.ready()
    gate.set()
    loading.join(5)
    assert engine.ready()


def test_a_model_that_cannot_be_warmed_up_never_becomes_ready(artifact):
    def prepare(predictor):
        raise PredictionError("not finite")

    catalog = Catalog(
        artifact.parent, "sentiment", lambda a: OnnxBackend(a, 1), max_windows=64, prepare=prepare
    )
    with pytest.raises(PredictionError):
        catalog.load()
    assert not catalog.ready()
