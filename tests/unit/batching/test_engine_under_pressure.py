"""The engine under too many requests, or requests that take long."""

import asyncio
import threading
import time

import pytest

from function.batching.batcher import BatchLimits
from function.batching.stages import EXPLAINING, TOKENIZING
from function.core.errors import LateError, OverloadedError
from function.core.types import Options
from tests.tiny_entities import write_entity_artifact
from tests.unit.batching.held import Held, engine_of

EXPLAINED = Options(explain=True)


@pytest.fixture
def gate():
    """A gate that opens when the test sets it; what waits gives up after five seconds."""
    return threading.Event()


def hold(monkeypatch, predictor, stage, gate):
    """Hold a stage of a predictor back until a gate is opened."""
    go_on = getattr(predictor, stage)

    def held_back(*arguments):
        gate.wait(5)
        return go_on(*arguments)

    monkeypatch.setattr(predictor, stage, held_back)


async def asked_one_by_one(engine, count, texts, options, model=None):
    tasks = []
    for _ in range(count):
        tasks.append(asyncio.create_task(engine.predict(model, texts, options)))
        await asyncio.sleep(0.01)
    return tasks


async def refused_of(tasks, gate):
    """Count the tasks refused before the gate opens; all others must be answered."""
    refused = [task for task in tasks if task.done()]
    assert all(isinstance(task.exception(), OverloadedError) for task in refused)
    gate.set()
    await asyncio.gather(*(task for task in tasks if task not in refused))
    return len(refused)


def test_explanations_that_wait_for_their_turn_fill_the_queue(catalog, gate, monkeypatch):
    hold(monkeypatch, catalog.load(), "explain", gate)

    async def flood():
        engine = engine_of(catalog, queue=10)
        tasks = await asked_one_by_one(engine, 40, ["good"], EXPLAINED)
        waiting = engine.waiting
        return waiting, await refused_of(tasks, gate)

    waiting, refused = asyncio.run(flood())
    assert waiting == 0  # they take room, but none has asked the model yet
    assert refused >= 40 - 6


def test_what_explanations_ask_for_waits_in_the_queue(catalog, held, gate, monkeypatch):
    hold(monkeypatch, catalog.load(), "explain", gate)

    async def ask():
        engine = engine_of(catalog)
        tasks = await asked_one_by_one(engine, 1, ["good"], EXPLAINED)
        await asyncio.sleep(0.05)
        held["sentiment"].gate.clear()
        tasks += await asked_one_by_one(engine, 1, ["good"], Options())  # keeps the model busy
        before = engine.waiting
        gate.set()
        await asyncio.sleep(0.1)
        asked = engine.waiting
        held["sentiment"].gate.set()
        await asyncio.gather(*tasks)
        return before, asked, engine.waiting

    assert asyncio.run(ask()) == (0, 1, 0)  # the text; without its word comes next


def test_what_an_unloaded_model_has_yet_to_explain_is_counted(tight, held, gate, monkeypatch):
    hold(monkeypatch, tight.load("other"), "explain", gate)

    async def ask():
        engine = engine_of(tight, queue=3)
        tasks = await asked_one_by_one(engine, 1, ["good"], EXPLAINED, "other")
        await asyncio.sleep(0.05)
        await engine.predict("third", ["bad"], Options())  # and "other" is unloaded
        held["sentiment"].gate.clear()
        tasks += await asked_one_by_one(engine, 1, ["good"], Options())  # keeps the device busy
        gate.set()
        await asyncio.sleep(0.1)
        explaining = engine.waiting
        tasks += await asked_one_by_one(engine, 1, ["good"], Options(), "other")
        await asyncio.sleep(0.1)
        with pytest.raises(OverloadedError):
            await engine.predict(None, ["good"], Options())
        again = engine.waiting
        held["sentiment"].gate.set()
        await asyncio.gather(*tasks)
        return explaining, again, engine.waiting

    assert asyncio.run(ask()) == (1, 2, 0)


def test_the_retry_time_grows_with_the_time_of_the_model(catalog, held, gate, monkeypatch):
    """The time counts while no window is in a queue yet, too."""
    run = held["sentiment"].run

    def slow(*arguments):
        time.sleep(0.5)
        return run(*arguments)

    async def ask():
        engine = engine_of(catalog, queue=10)
        await engine.predict(None, ["good"], Options())
        hold(monkeypatch, catalog.load(), "encode", gate)
        tasks = await asked_one_by_one(engine, 1, ["good"] * 10, Options())
        with pytest.raises(OverloadedError) as refused:
            await engine.predict(None, ["good"], Options())
        gate.set()
        await asyncio.gather(*tasks)
        return refused.value.retry_after

    monkeypatch.setattr(held["sentiment"], "run", slow)
    assert asyncio.run(ask()) >= 5


def test_an_explanation_of_many_texts_lets_others_have_their_turn(catalog, monkeypatch):
    predictor = catalog.load()
    explain = predictor.explain

    def slow(inputs, predictions, run):
        time.sleep(0.03 * len(predictions))
        return explain(inputs, predictions, run)

    monkeypatch.setattr(predictor, "explain", slow)

    async def ask():
        engine = engine_of(catalog, queue=1000)
        many = await asked_one_by_one(engine, EXPLAINING, ["good"] * 12, EXPLAINED)
        await engine.predict(None, ["good"], EXPLAINED)
        unfinished = sum(not task.done() for task in many)
        answers = await asyncio.gather(*many)
        return unfinished, [len(answer.predictions) for answer in answers]

    unfinished, counts = asyncio.run(ask())
    assert unfinished == EXPLAINING
    assert counts == [12] * EXPLAINING


def test_finding_the_entities_of_a_long_text_holds_up_no_one(artifact, make_catalog, monkeypatch):
    write_entity_artifact(artifact.parent / "ner")
    catalog = make_catalog()
    predictor = catalog.load("ner")
    decode = predictor.decode

    def slow(*arguments):
        time.sleep(0.4)
        return decode(*arguments)

    monkeypatch.setattr(predictor, "decode", slow)

    async def ask():
        engine = engine_of(catalog)
        slow = asyncio.create_task(engine.predict("ner", ["Ada met Acme"], Options()))
        longest, last = 0.0, time.perf_counter()
        while not slow.done():
            await asyncio.sleep(0.001)
            longest, last = max(longest, time.perf_counter() - last), time.perf_counter()
        return longest, slow.result()

    longest, answer = asyncio.run(ask())
    assert longest < 0.2
    assert [each.text for each in answer.predictions[0].entities] == ["Ada", "Acme"]


@pytest.fixture
def loading(make_catalog, gate):
    """A catalog whose models, but for the default, take until the gate is opened to load."""

    def load(opened):
        if opened.manifest.model != "sentiment":
            gate.wait(5)
        return Held(opened)

    return make_catalog(load)


def test_while_a_model_is_loaded_others_answer_without_waiting(loading, gate):
    async def ask():
        patient = BatchLimits(64, 4, 5.0)  # a batch would wait for what is being tokenised
        engine = engine_of(loading, limits=patient)
        tasks = await asked_one_by_one(engine, 2 * TOKENIZING, ["bad"], Options(), "other")
        begun = time.perf_counter()
        await engine.predict(None, ["good"], Options())
        took, unfinished = time.perf_counter() - begun, sum(not task.done() for task in tasks)
        gate.set()
        answers = await asyncio.gather(*tasks)
        return took, unfinished, {answer.model.name for answer in answers}

    took, unfinished, models = asyncio.run(ask())
    assert took < 2
    assert unfinished == 2 * TOKENIZING
    assert models == {"other"}


def test_requests_that_wait_for_a_model_to_load_take_room(loading, gate):
    async def flood():
        engine = engine_of(loading, queue=3)
        tasks = await asked_one_by_one(engine, 9, ["bad"], Options(), "other")
        return await refused_of(tasks, gate)

    assert asyncio.run(flood()) == 6


def test_a_body_that_is_being_tokenised_takes_room_by_its_length(catalog, gate, monkeypatch):
    hold(monkeypatch, catalog.load(), "encode", gate)
    large = ["good " * 1000] * 3

    async def flood():
        engine = engine_of(catalog, queue=10)
        tasks = await asked_one_by_one(engine, 9, large, Options(long_text="truncate"))
        return await refused_of(tasks, gate)

    assert asyncio.run(flood()) == 8


@pytest.mark.parametrize("explain", [False, True])
def test_a_request_that_waits_too_long_leaves_the_queue(catalog, held, explain):
    async def wait():
        engine = engine_of(catalog, seconds=0.3)
        await engine.predict(None, ["good"], Options())
        held["sentiment"].gate.clear()
        asked = [
            asyncio.create_task(engine.predict(None, ["good film"], Options(explain=explain)))
            for _ in range(6)
        ]
        await asyncio.wait(asked)
        late, waiting = [task.exception() for task in asked], engine.waiting
        held["sentiment"].gate.set()
        answer = await engine.predict(None, ["good"], Options())
        return late, waiting, answer, engine._admission.held

    late, waiting, answer, still_held = asyncio.run(wait())
    assert {type(error) for error in late} == {LateError}
    assert late[0].retry_after >= 1
    assert "within 0.3 s" in str(late[0])
    assert (waiting, still_held) == (0, 0)
    assert answer.predictions[0].label == "positive"


def test_an_explanation_ends_at_the_deadline_too(catalog, held):
    async def explain():
        engine = engine_of(catalog, seconds=0.5)
        run, calls = held["sentiment"].run, 0

        def slow(*arrays):
            nonlocal calls
            calls += 1
            time.sleep(0.2)
            return run(*arrays)

        held["sentiment"].run = slow
        with pytest.raises(LateError):
            await engine.predict(None, ["good film is the good"] * 5, Options(explain=True))
        await asyncio.sleep(0.5)
        seen = calls
        await asyncio.sleep(0.5)
        return seen, calls, engine._admission.held

    seen, calls, still_held = asyncio.run(explain())
    assert (calls, still_held) == (seen, 0)
