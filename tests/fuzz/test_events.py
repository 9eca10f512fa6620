"""Events of every shape: none raises in the function, whatever it holds."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.test_events import ODD_HOSTS, RECORDED, status
from tests.unit.test_lambda_handler import CONTEXT, event, imported

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_subnormal=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
MEMBERS = st.sampled_from(
    [
        *["inputs", "parameters", "headers", "requestContext", "version", "resource", "body"],
        *["isBase64Encoded", "path", "httpMethod", "Records", "rawPath", "multiValueHeaders"],
    ]
)
VALUES = JSON | st.sampled_from(ODD_HOSTS) | st.binary(max_size=9)
SHAPES = settings(
    deadline=None,
    max_examples=300 * int(os.environ.get("FUZZ", "1")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def handler(tmp_path_factory):
    with imported(tmp_path_factory.mktemp("models")) as handler:
        yield handler


def paths(value, path=()):
    """Paths of all members of an event."""
    for name, member in value.items():
        yield (*path, name)
        if isinstance(member, dict):
            yield from paths(member, (*path, name))


def replaced(value, path, bad):
    first, *rest = path
    return {**value, first: replaced(value[first], rest, bad) if rest else bad}


def without(value, path):
    first, *rest = path
    if rest:
        return {**value, first: without(value[first], rest)}
    return {name: member for name, member in value.items() if name != first}


@SHAPES
@given(asked=JSON | st.dictionaries(MEMBERS, JSON, min_size=1))
def test_no_shape_of_an_event_raises(handler, asked):
    assert status(handler(asked, CONTEXT)) < 500


@SHAPES
@given(data=st.data())
def test_no_members_of_a_request_raise_whatever_they_are(handler, data):
    asked = event(data.draw(st.sampled_from(RECORDED)))
    for _ in range(data.draw(st.integers(1, 4))):
        path = data.draw(st.sampled_from([*paths(asked)]))
        if data.draw(st.booleans()):
            asked = replaced(asked, path, data.draw(VALUES))
        else:
            asked = without(asked, path)
    assert status(handler(asked, CONTEXT)) < 500
