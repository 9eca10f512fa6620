"""Bulk scoring: what the template says is done, with the real handler and a model of few words."""

import json
import re

import pytest
from cfnlint.api import ManualArgs, lint

from infra.configuration.bulk import BulkConfiguration
from infra.configuration.checks import ConfigurationError
from tests.infra.handler import started
from tests.infra.policies import statements, written
from tests.infra.scaled import HEAVY, LIGHT
from tests.infra.states import FailedError, evaluate, run_machine
from tests.infra.synthesis import REPOSITORY

STAGES = {stage.name: stage for stage in (HEAVY, LIGHT)}
PAYLOAD = 256 * 1024  # bytes that go from state to state at most
BODY = 200_000
FILE = {"key": "in/reviews.csv", "function": "scoring:7"}  # as the first state adds it


@pytest.fixture(scope="module", params=STAGES)
def stage(request):
    return STAGES[request.param]


@pytest.fixture(scope="module")
def machine(scaled, stage):
    """The definition as Step Functions gets it, with what is known later in angle brackets."""
    resource = scaled.only(f"evergreen-{stage.name}-bulk", "AWS::StepFunctions::StateMachine")
    definition = written(resource["Properties"]["DefinitionString"])
    return json.loads(definition.replace("<AWS::Partition>", "aws"))


@pytest.fixture(scope="module")
def batch(machine):
    """The states of a batch of CSV rows."""
    return machine["States"]["Score csv"]["ItemProcessor"]


@pytest.fixture(scope="module")
def environment(scaled, stage):
    return scoring(scaled, f"evergreen-{stage.name}-bulk")["Environment"]["Variables"]


def scoring(assembly, stack):
    """The function of a stack that runs an image: not those that the CDK brings."""
    (found,) = (
        each["Properties"]
        for each in assembly.resources(stack, "AWS::Lambda::Function").values()
        if "ImageUri" in each["Properties"]["Code"]
    )
    return found


@pytest.fixture(scope="module")
def handler(tmp_path_factory, environment):
    """The Lambda's own handler with the settings of the template, but for where models lie."""
    settings = {name: value for name, value in environment.items() if name != "MODELS_DIR"}
    with started(tmp_path_factory.mktemp("models"), **settings) as handler:
        yield handler


@pytest.fixture
def calls():
    """Every event that the function was called with."""
    return []


@pytest.fixture
def call(handler, calls):
    def asked(event):
        calls.append(event)
        return handler(event)

    return asked


def given(machine, rows, **run):
    """A batch as the distributed map makes it of rows."""
    state = machine["States"]["Score csv"]
    states = {"input": {**FILE, **run}}
    items = [
        evaluate(
            state["ItemSelector"],
            {**states, "context": {"Map": {"Item": {"Index": place, "Value": row}}}},
            {},
        )
        for place, row in enumerate(rows)
    ]
    return {"Items": items, "BatchInput": evaluate(state["ItemBatcher"]["BatchInput"], states, {})}


def texts(*values):
    return [{"id": str(place), "text": value} for place, value in enumerate(values)]


def test_the_definition_is_what_the_states_language_wants(machine):
    template = {
        "Resources": {
            "Machine": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "RoleArn": "arn:aws:iam::123456789012:role/x",
                    "Definition": machine,
                },
            }
        }
    }
    assert not lint(json.dumps(template), config=ManualArgs(regions=["eu-central-1"]))
    broken = json.dumps(template).replace('"MaxConcurrency"', '"MaximumConcurrency"')
    assert lint(broken, config=ManualArgs(regions=["eu-central-1"]))


def test_every_state_that_is_named_is_there_and_no_two_have_one_name(machine):
    names = []

    def check(states):
        named = {states["StartAt"]}
        for state in states["States"].values():
            named |= {state.get("Next"), state.get("Default")} - {None}
            named |= {choice["Next"] for choice in state.get("Choices", [])}
            assert state["Type"] in ("Choice", "Fail") or ("Next" in state) != ("End" in state)
            if "ItemProcessor" in state:
                check(state["ItemProcessor"])
        assert named == set(states["States"]), "each is there, and each is reached"
        names.extend(states["States"])

    check(machine)
    assert len({*names}) == len(names), "wherever they stand"


def test_every_expression_is_one_that_step_functions_takes_for_one(machine):
    """It starts and ends exactly so, in one line; other texts with braces would be plain text."""
    assert all(
        re.fullmatch(r"\{% .+ %\}", text)
        for text in re.findall(r'"((?:[^"\\]|\\.)*)"', json.dumps(machine))
        if "%" in text
    )


@pytest.mark.parametrize(
    ("key", "state"),
    [
        ("in/reviews.csv", "Score csv"),
        ("in/REVIEWS.CSV", "Score csv"),
        ("in/a.b/reviews.jsonl", "Score jsonl"),
        ("in/reviews.parquet", "Unknown format"),
        ("csv", "Unknown format"),
        (None, "Unknown format"),
    ],
)
def test_the_end_of_a_key_determines_the_format(machine, key, state):
    first = machine["States"]["Which format?"]
    states = {"input": {} if key is None else {"key": key}}
    reached = [
        choice["Next"]
        for choice in first["Choices"]
        if evaluate(choice["Condition"], states, {}) is True
    ]
    assert (reached or [first["Default"]]) == [state]


def test_a_run_calls_the_version_that_was_live_at_its_start(machine, batch):
    """A deployment meanwhile would give one file two models."""
    first = machine["States"][machine["StartAt"]]
    assert first["Arguments"]["Name"] == "live"
    function = first["Arguments"]["FunctionName"]
    states = {"input": {"key": "in/a.csv", "model": "ner"}, "result": {"FunctionVersion": "7"}}
    started = evaluate(first["Output"], states, {})
    assert started == {**states["input"], "version": "7", "function": f"{function}:7"}
    continued = {**states, "input": {"key": "in/b.csv", "version": "6"}}
    assert evaluate(first["Output"], continued, {})["function"] == f"{function}:6"
    assert first["Next"] == "Which format?"
    given_ = {"Items": [], "BatchInput": {"function": started["function"], "column": "text"}}
    alone = batch["States"]["One csv by one"]
    for task in (
        batch["States"]["Ask with csv"],
        alone["ItemProcessor"]["States"]["Ask with one csv"],
    ):
        name = evaluate(task["Arguments"]["FunctionName"], {"input": given_}, {})
        assert name == f"{function}:7"
    assert alone["ItemSelector"]["BatchInput"] == "{% $states.input.BatchInput %}"


def test_versions_are_kept_and_the_machine_may_call_each_but_no_function_without_one(scaled, stage):
    stack = f"evergreen-{stage.name}-bulk"
    (version,) = scaled.resources(stack, "AWS::Lambda::Version").values()
    assert version["DeletionPolicy"] == "RetainExceptOnCreate"
    (alias,) = scaled.resources(stack, "AWS::Lambda::Alias").values()
    assert alias["Properties"]["Name"] == "live"
    (called,) = (
        each.resources
        for each in statements(scaled)
        if stack in each.where and "lambda:InvokeFunction" in each.actions
    )
    assert [re.sub(r"<\w+\.Arn>", "FUNCTION", each) for each in called] == ["FUNCTION:*"]


def test_a_batch_comes_back_row_by_row_in_order(machine, batch, call, calls):
    rows = texts("good film", "bad", "the film is fine", "dull", "good good good")
    found = run_machine(batch, given(machine, rows), call)
    assert [row["row"] for row in found] == [0, 1, 2, 3, 4]
    assert [row["input"] for row in found] == rows
    assert [row["label"] for row in found] == [
        "positive",
        "negative",
        "positive",
        "negative",
        "positive",
    ]
    assert all(0.5 < row["score"] <= 1 for row in found)
    assert {row["model"] for row in found} == {"sentiment"}
    assert all(re.fullmatch(r"\d{8}-[0-9a-f]{8}", row["model_version"]) for row in found)
    assert len(calls) == 1, "one request for all"


def test_a_batch_of_one_row_is_still_a_list(machine, batch, call):
    (row,) = run_machine(batch, given(machine, texts("good")), call)
    assert (row["row"], row["label"]) == (0, "positive")


def test_the_event_is_that_of_the_api(machine, batch, call, calls):
    """Every member of ours is one that API Gateway sends, in the place where it sends it."""
    run_machine(batch, given(machine, texts("good")), call)
    recorded = json.loads((REPOSITORY / "tests/events/http_api_v2.json").read_text())

    def assert_within(ours, theirs):
        for name, value in ours.items():
            assert name in theirs or name == "x-request-id", name
            if isinstance(value, dict):
                assert_within(value, theirs[name])
            else:
                assert type(value) is type(theirs.get(name, "")), name

    assert_within(calls[0], recorded)


def test_a_row_that_cannot_be_scored_costs_no_other(machine, batch, call, calls):
    rows = [
        *texts("good", "", "bad"),
        {"id": "3"},
        {"id": "4", "text": None},
        {"text": "x" * 60_000},
    ]
    found = run_machine(batch, given(machine, rows), call)
    assert [row.get("label") for row in found] == ["positive", None, "negative", None, None, None]
    assert [row.get("status") for row in found] == [None, 422, None, 422, 422, 413]
    assert [row["row"] for row in found] == list(range(6))
    assert [row["input"] for row in found] == rows
    assert "is empty" in found[1]["error"]
    assert "60000 characters" in found[5]["error"]
    assert len(calls) == 1 + len(rows)


def test_numbers_are_texts_too(machine, batch, call, calls):
    run_machine(batch, given(machine, [{"text": 7}, {"text": True}, {"text": "good"}]), call)
    assert json.loads(calls[0]["body"]) == {"inputs": ["7", "true", "good"]}


def test_a_run_may_name_the_column_and_the_model(machine, batch, call, calls):
    rows = [{"review": "good", "text": "bad"}]
    (row,) = run_machine(batch, given(machine, rows, column="review", model="sentiment"), call)
    assert row["label"] == "positive"
    assert calls[0]["rawPath"] == "/v1/models/sentiment/predict"


def test_a_missing_model_fails_the_batch_and_is_reported_by_name(machine, batch, call):
    with pytest.raises(FailedError, match="no model 'other' here") as failed:
        run_machine(batch, given(machine, texts("good"), model="other"), call)
    assert failed.value.args[0] == "Status404"


def test_a_crash_of_the_application_fails_the_batch(machine, batch):
    crash = {"statusCode": 500, "body": '{"error": "something broke here"}'}
    with pytest.raises(FailedError, match="something broke here"):
        run_machine(batch, given(machine, texts("good")), lambda _: crash)


WORST = {
    "quotes": '"' * 50,
    "backslashes": "\\" * 50,
    "control characters": "\x01" * 50,
    "line breaks": "\n" * 50,
    "emoji": "😀" * 50,
    "Chinese": "好" * 50,
    "plain": "good film " * 5,
}


@pytest.mark.parametrize("unit", WORST.values(), ids=WORST)
def test_the_worst_batch_fits_into_a_request_and_into_a_state(machine, batch, stage, unit):
    """Escaped twice: in the body, and in the event that carries it."""
    limit, count = stage.bulk.batch_bytes, stage.bulk.batch_texts
    empty = size_of(given(machine, texts(*[""] * count))["Items"])
    times = (limit - empty) // (count * (size_of(unit) - size_of("")))
    rows = texts(*[unit * times] * count)
    batch_given = given(machine, rows)
    assert 0.9 * limit < size_of(batch_given["Items"]) <= limit
    event = evaluate(
        batch["States"]["Ask with csv"]["Arguments"]["Payload"],
        {"input": batch_given, "context": {"Execution": {"Name": "run"}}},
        {},
    )
    assert json.loads(event["body"])["inputs"] == [row["text"] for row in rows]
    assert len(event["body"].encode()) <= BODY
    assert size_of(event) <= PAYLOAD


def size_of(value):
    """Bytes of it as JSON in UTF-8."""
    return len(json.dumps(value, ensure_ascii=False).encode())


def test_a_run_takes_no_more_at_once_and_no_more_rows_than_was_chosen(machine, stage):
    bulk = stage.bulk
    assert machine["TimeoutSeconds"] == 3600 * bulk.timeout_hours
    for form in ("csv", "jsonl"):
        state = machine["States"][f"Score {form}"]
        assert state["MaxConcurrency"] == bulk.concurrency
        assert state["ToleratedFailurePercentage"] == bulk.tolerated_failures_percent
        assert state["ItemReader"]["ReaderConfig"]["MaxItems"] == bulk.maximum_rows
        assert state["ItemReader"]["ReaderConfig"]["InputType"] == form.upper()
        assert state["ItemBatcher"]["MaxItemsPerBatch"] == bulk.batch_texts
        assert state["ItemBatcher"]["MaxInputBytesPerBatch"] == bulk.batch_bytes
        inner = state["ItemProcessor"]["States"][f"One {form} by one"]
        assert inner["MaxConcurrency"] == 1, "or a batch would call more often than its turn"


def test_what_is_throttled_is_asked_again_later_and_not_all_at_once(batch):
    alone = batch["States"]["One csv by one"]["ItemProcessor"]["States"]["Ask with one csv"]
    for task in (batch["States"]["Ask with csv"], alone):
        throttled = task["Retry"][0]
        assert throttled["ErrorEquals"] == ["Lambda.TooManyRequestsException"]
        assert throttled["JitterStrategy"] == "FULL"
        waits = [
            min(throttled["MaxDelaySeconds"], throttled["IntervalSeconds"] * 2**number)
            for number in range(throttled["MaxAttempts"])
        ]
        assert 60 < sum(waits) < 300 - 120, "within the five minutes of an express run"


def test_results_and_failures_are_lines_of_the_bucket(machine, scaled, stage):
    (bucket,) = scaled.resources(f"evergreen-{stage.name}-bulk", "AWS::S3::Bucket")
    for form in ("csv", "jsonl"):
        writer = machine["States"][f"Score {form}"]["ResultWriter"]
        assert writer["WriterConfig"] == {"OutputType": "JSONL", "Transformation": "FLATTEN"}
        assert writer["Arguments"]["Bucket"] == f"<{bucket}>"
        states = {"context": {"Execution": {"Name": "run"}}}
        assert evaluate(writer["Arguments"]["Prefix"], states, {}) == "out/run"


def test_the_function_is_called_by_the_machine_alone_and_asks_for_no_key(
    scaled, stage, environment
):
    stack = f"evergreen-{stage.name}-bulk"
    assert environment["AUTH"] == "iam"
    assert environment["SERVICE"] == stack
    assert not scaled.resources(stack, "AWS::Lambda::Permission")
    assert not scaled.resources(stack, "AWS::Lambda::Url")
    callers = [
        each.where
        for each in statements(scaled)
        if stack in each.where and "lambda:InvokeFunction" in each.actions
    ]
    (caller,) = callers
    assert "BulkRole" in caller


def test_the_function_has_the_image_of_the_stages_own(scaled, stage):
    images = {
        written(scoring(scaled, f"evergreen-{stage.name}-{part}")["Code"]["ImageUri"])
        for part in ("function", "bulk")
    }
    (image,) = images
    assert "@sha256:" in image


def test_the_machine_may_read_what_comes_in_and_write_what_goes_out(scaled, stage):
    stack = f"evergreen-{stage.name}-bulk"
    may = {
        (action, re.sub(r"<\w+\.Arn>", "BUCKET", resource))
        for each in statements(scaled)
        if each.where.startswith(f"{stack}/BulkRole") and each.kind == "identity"
        for action in each.actions
        for resource in each.resources
        if action.startswith("s3:")
    }
    assert may == {
        ("s3:GetObject", "BUCKET/in/*"),
        *(
            (f"s3:{action}", "BUCKET/out/*")
            for action in (
                "AbortMultipartUpload",
                "GetObject",
                "ListMultipartUploadParts",
                "PutObject",
            )
        ),
    }


def test_no_text_reaches_a_log(scaled, stage):
    machine = scaled.only(f"evergreen-{stage.name}-bulk", "AWS::StepFunctions::StateMachine")
    logging = machine["Properties"]["LoggingConfiguration"]
    assert logging["IncludeExecutionData"] is False
    assert logging["Level"] == "ALL"
    assert machine["Properties"]["TracingConfiguration"] == {"Enabled": True}


def test_batches_run_where_no_history_keeps_their_texts(machine):
    """A standard run keeps the input of every state for 90 days."""
    for form in ("csv", "jsonl"):
        config = machine["States"][f"Score {form}"]["ItemProcessor"]["ProcessorConfig"]
        assert config == {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}


def test_files_are_forgotten_in_time(scaled, stage):
    bucket = scaled.only(f"evergreen-{stage.name}-bulk", "AWS::S3::Bucket")
    (rule,) = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    assert rule["ExpirationInDays"] == stage.bulk.keep_days
    assert bucket["DeletionPolicy"] == ("RetainExceptOnCreate" if stage.retain_data else "Delete")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"batch_bytes": 100_000}, "bulk.batch_bytes: 100,000 is not between 1,000 and 64,000"),
        ({"batch_texts": 0}, "bulk.batch_texts: 0 is not"),
        ({"concurrency": 0}, "bulk.concurrency: 0 is not"),
        ({"tolerated_failures_percent": 101}, "bulk.tolerated_failures_percent: 101 is not"),
        ({"maximum_rows": 0}, "bulk.maximum_rows: 0 is not"),
        ({"timeout_hours": 0}, "bulk.timeout_hours: 0 is not"),
        ({"keep_days": 0}, "bulk.keep_days: 0 is not"),
        ({"memory_megabytes": 128}, "bulk.memory_megabytes: 128 is not"),
    ],
)
def test_nonsense_is_one_line_that_starts_with_its_key(changed, says):
    with pytest.raises(ConfigurationError, match="^" + re.escape(says)) as refused:
        BulkConfiguration(**changed)
    assert "\n" not in str(refused.value)
