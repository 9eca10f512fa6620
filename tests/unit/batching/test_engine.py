import asyncio
import gc
import time
import weakref

import pytest

from function.backends.onnx_backend import OnnxBackend
from function.core.catalog import Catalog
from function.core.engine import DirectEngine
from function.core.errors import (
    InputError,
    NotReadyError,
    OverloadedError,
    PredictionError,
    UnknownModelError,
)
from function.core.types import Options
from tests.tiny_entities import write_entity_artifact
from tests.unit.batching.held import Held, engine_of

# The first stage of "cascaded" is sure of these, and not of the rest of `MIXED`.
FIRST = ["good", "bad film"]
MIXED = ["dull", *FIRST, "the good film is", "fine film", "good"]
TEXTS = ["good", "bad film", "the film is good " * 9, "dull dull", "fine"]


def test_it_answers_as_the_direct_engine_does(catalog):
    async def ask(engine):
        explained = Options(explain=True)
        asked = [engine.predict(None, [text], explained) for text in TEXTS]
        return await asyncio.gather(*asked, engine.predict(None, TEXTS, Options(top_k=1)))

    batched = asyncio.run(ask(engine_of(catalog, calls=2)))
    direct = asyncio.run(ask(DirectEngine(catalog)))
    assert [answer.predictions for answer in batched] == [answer.predictions for answer in direct]
    assert [answer.model for answer in batched] == [answer.model for answer in direct]


def test_the_stages_of_the_timings_add_up(catalog):
    timings = asyncio.run(engine_of(catalog).predict(None, ["good"], Options(explain=True))).timings
    stages = (
        timings.tokenization_ms,
        timings.queue_ms,
        timings.inference_ms,
        timings.decoding_ms,
        timings.explanation_ms,
    )
    assert all(stage >= 0 for stage in stages)
    assert sum(stages) == pytest.approx(timings.total_ms, abs=0.01)


def test_loading_a_model_on_first_use_counts_as_no_stage(make_catalog, held):
    def slowly(opened):
        time.sleep(0.5)
        held[opened.manifest.model] = Held(opened)
        return held[opened.manifest.model]

    engine = engine_of(make_catalog(load=slowly))
    timings = asyncio.run(engine.predict("other", ["good"], Options())).timings
    assert timings.total_ms < 400


def test_a_full_queue_refuses_with_the_time_after_which_to_come_back(catalog, held):
    async def flood():
        engine = engine_of(catalog, queue=3)
        await engine.predict(None, ["good"], Options())
        held["sentiment"].gate.clear()
        asked = [asyncio.create_task(engine.predict(None, ["good"], Options())) for _ in range(9)]
        await asyncio.sleep(0.2)
        refused = [task.exception() for task in asked if task.done()]
        held["sentiment"].gate.set()
        await asyncio.wait(asked)
        answered = [task.result() for task in asked if not task.exception()]
        return refused, answered, await engine.predict(None, ["good"], Options())

    refused, answered, after = asyncio.run(flood())
    assert all(isinstance(error, OverloadedError) for error in refused)
    assert all(1 <= error.retry_after <= 30 for error in refused)
    assert len(refused) + len(answered) == 9
    assert len(answered) <= 4  # the queue's three, and the one that was being read
    assert len(refused) >= 5
    assert after.predictions[0].label == "positive"


def test_a_request_larger_than_the_queue_is_answered_when_nothing_waits(catalog):
    answer = asyncio.run(engine_of(catalog, queue=1).predict(None, TEXTS, Options()))
    assert len(answer.predictions) == len(TEXTS)


def test_a_request_that_would_overfill_the_queue_is_refused(catalog, held):
    async def ask():
        engine = engine_of(catalog, queue=4)
        held["sentiment"].gate.clear()
        asked = []
        for _ in range(2):
            asked.append(asyncio.create_task(engine.predict(None, ["good"], Options())))
            await asyncio.sleep(0.1)
        with pytest.raises(OverloadedError):
            await engine.predict(None, TEXTS, Options())
        held["sentiment"].gate.set()
        await asyncio.gather(*asked)

    asyncio.run(ask())


def test_a_cancelled_explanation_stops_running(catalog, held):
    async def ask():
        engine = engine_of(catalog)
        model = held["sentiment"]
        asked = asyncio.create_task(engine.predict(None, ["good " * 6], Options(explain=True)))
        while not model.shapes:
            await asyncio.sleep(0.001)
        model.gate.clear()
        await asyncio.sleep(0.05)
        asked.cancel()
        await asyncio.sleep(0)
        model.gate.set()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await asyncio.sleep(0.05)
        assert engine.waiting == 0
        return await engine.predict(None, ["good"], Options())

    assert asyncio.run(ask()).predictions[0].label == "positive"


def test_wrong_input_leaves_room_for_others(catalog):
    async def ask():
        engine = engine_of(catalog, queue=1)
        for _ in range(3):
            with pytest.raises(InputError):
                await engine.predict(None, [" "], Options())
            with pytest.raises(UnknownModelError):
                await engine.predict("nonsense", ["good"], Options())
        return await engine.predict(None, ["good"], Options())

    assert asyncio.run(ask()).predictions[0].label == "positive"


def test_a_model_that_is_not_there_is_not_asked_for_again_later(catalog, held):
    """A full server names the unknown model at once, not the lack of room."""

    async def ask():
        engine = engine_of(catalog, queue=1)
        held["sentiment"].gate.clear()
        asked = []
        for _ in range(2):  # one is being read, one fills the queue
            asked.append(asyncio.create_task(engine.predict(None, ["good"], Options())))
            await asyncio.sleep(0.1)
        with pytest.raises(OverloadedError):
            await engine.predict("other", ["good"], Options())
        with pytest.raises(UnknownModelError):
            await engine.predict("nonsense", ["good"], Options())
        held["sentiment"].gate.set()
        await asyncio.gather(*asked)

    asyncio.run(ask())


def test_another_model_is_loaded_on_first_use_and_answers_like_the_default(catalog):
    async def ask():
        engine = engine_of(catalog)
        names = [None, "other", None, "other"]
        return await asyncio.gather(*(engine.predict(name, ["bad"], Options()) for name in names))

    answers = asyncio.run(ask())
    assert [answer.model.name for answer in answers] == ["sentiment", "other"] * 2


def test_a_model_that_was_unloaded_is_loaded_again_and_answers(tight):
    async def ask():
        engine = engine_of(tight)
        names = ["other", "third", None, "other", "third", "other"]
        return [await engine.predict(name, ["bad"], Options()) for name in names]

    answers = asyncio.run(ask())
    assert [answer.model.name for answer in answers] == [
        *("other", "third", "sentiment", "other", "third", "other")
    ]
    assert {answer.predictions[0].label for answer in answers} == {"negative"}


def test_an_unloaded_model_leaves_memory(tight):
    async def ask():
        engine = engine_of(tight)
        await engine.predict("other", ["bad"], Options())
        unloaded = weakref.ref(tight.load("other"))
        await engine.predict("third", ["bad"], Options())
        gc.collect()
        return unloaded()

    assert asyncio.run(ask()) is None


def test_a_model_that_is_unloaded_while_it_runs_still_answers(tight, held):
    async def ask():
        engine = engine_of(tight, calls=2)
        await engine.predict("other", ["good"], Options())
        held["other"].gate.clear()
        asked = [
            asyncio.create_task(engine.predict("other", ["bad", "good"], Options()))
            for _ in range(3)
        ]
        await asyncio.sleep(0.05)
        await engine.predict("third", ["bad"], Options())
        held["other"].gate.set()
        return await asyncio.gather(*asked)

    answers = asyncio.run(asyncio.wait_for(ask(), 10))
    labels = [[each.label for each in answer.predictions] for answer in answers]
    assert labels == [["negative", "positive"]] * 3


def test_models_of_two_tasks_answer_at_the_same_time(artifact):
    write_entity_artifact(artifact.parent / "ner")
    catalog = Catalog(artifact.parent, "sentiment", lambda a: OnnxBackend(a, 1), max_windows=64)
    catalog.load()
    texts = ["Ada Lovelace met Acme in Paris", "met in " * 9 + "New York", "in"]

    async def ask(engine):
        asked = [engine.predict("ner", [text], Options()) for text in texts]
        return await asyncio.gather(*asked, engine.predict(None, ["good"], Options()))

    batched = asyncio.run(ask(engine_of(catalog)))
    direct = asyncio.run(ask(DirectEngine(catalog)))
    assert [answer.predictions for answer in batched] == [answer.predictions for answer in direct]
    found = [[each.text for each in answer.predictions[0].entities] for answer in batched[:3]]
    assert found == [["Ada Lovelace", "Acme", "Paris"], ["New York"], []]


@pytest.mark.parametrize("answered", [0, 1])
def test_a_device_that_died_makes_it_not_ready(catalog, held, answered):
    async def ask():
        engine = engine_of(catalog)
        for _ in range(answered):
            await engine.predict(None, ["good"], Options())
        assert engine.ready()
        held["sentiment"].dead = True
        results = await asyncio.gather(
            engine.predict(None, ["bad"], Options()), return_exceptions=True
        )
        while engine.ready():
            await asyncio.sleep(0.001)
        return results

    (failure,) = asyncio.run(asyncio.wait_for(ask(), 5))
    assert "launch failure" in str(failure)


def test_a_device_stays_dead_when_the_model_that_it_failed_is_unloaded(tight, held):
    async def ask():
        engine = engine_of(tight)
        await engine.predict("other", ["good"], Options())
        held["other"].dead = True
        with pytest.raises(PredictionError):
            await engine.predict("other", ["good"], Options())
        while engine.ready():
            await asyncio.sleep(0.001)
        await engine.predict("third", ["good"], Options())
        return engine.ready()

    assert not asyncio.run(asyncio.wait_for(ask(), 5))


def test_before_the_default_is_loaded_it_is_not_ready(artifact):
    catalog = Catalog(artifact.parent, "sentiment", lambda a: OnnxBackend(a, 1), max_windows=64)

    async def ask():
        engine = engine_of(catalog)
        assert not engine.ready()
        with pytest.raises(NotReadyError):
            await engine.predict(None, ["good"], Options())

    asyncio.run(ask())


@pytest.mark.parametrize("options", [Options(), Options(explain=True), Options(cascade="off")])
def test_of_a_mixed_request_only_the_rest_is_run_and_the_order_is_kept(catalog, held, options):
    async def ask(engine):
        return (await engine.predict("cascaded", MIXED, options)).predictions

    batched = asyncio.run(ask(engine_of(catalog, calls=2)))
    rows = sum(rows for rows, _ in held["cascaded"].shapes)
    assert batched == asyncio.run(ask(DirectEngine(catalog)))
    if options == Options():
        assert [each.stage for each in batched] == ["full", *["first"] * 2, *["full"] * 2, "first"]
        assert [each.label for each in batched] == [
            *("negative", "positive", "negative", "positive", "positive", "positive")
        ]
        assert rows == 3


def test_texts_of_which_the_first_stage_is_sure_are_answered_while_the_model_is_busy(catalog, held):
    async def ask():
        engine = engine_of(catalog)
        await engine.predict("cascaded", ["dull"], Options())
        held["cascaded"].gate.clear()
        waiting = asyncio.create_task(engine.predict("cascaded", ["dull", "fine"], Options()))
        await asyncio.sleep(0.05)
        for options in (Options(), Options(explain=True)):
            answer = await asyncio.wait_for(engine.predict("cascaded", FIRST, options), 2)
            assert [each.label for each in answer.predictions] == ["positive", "negative"]
            assert answer.timings.queue_ms == 0
        assert not waiting.done()
        held["cascaded"].gate.set()
        await waiting
        return engine

    engine = asyncio.run(ask())
    assert engine.waiting == engine._admission.held == 0
    assert len(held["cascaded"].shapes) == 2


def test_texts_of_the_first_stage_hold_no_room_for_longer_than_they_are_tokenised(catalog, held):
    """A request is counted by its length until then: that bounds what is tokenised at once."""

    async def ask():
        engine = engine_of(catalog, queue=4)
        catalog.load("cascaded")
        held["cascaded"].gate.clear()
        asked = [asyncio.create_task(engine.predict("cascaded", ["dull"], Options()))]
        await asyncio.sleep(0.1)  # the model has it
        asked.append(asyncio.create_task(engine.predict("cascaded", ["dull"] * 2, Options())))
        await asyncio.sleep(0.1)
        for _ in range(9):
            await engine.predict("cascaded", FIRST, Options())
        asked.append(asyncio.create_task(engine.predict("cascaded", ["dull"] * 2, Options())))
        await asyncio.sleep(0.1)
        with pytest.raises(OverloadedError):
            await engine.predict("cascaded", FIRST, Options())
        held["cascaded"].gate.set()
        await asyncio.gather(*asked)

    asyncio.run(ask())
