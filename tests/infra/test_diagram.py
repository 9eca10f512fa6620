"""The picture in the documentation is what the templates are."""

import re

import pytest

from scripts import diagram
from scripts.common.errors import CommandError
from scripts.drawing.diagram import draw
from scripts.drawing.inventory import page
from scripts.drawing.page import with_part
from scripts.drawing.templates import Place, Templates

ARROW = re.compile(r"^ +(\w+)(?:\(\[.*?\]\))? (-->|-\. .* \.->|-- .* -->) (\w+)", re.M)


@pytest.fixture(scope="module")
def heavy(scaled):
    """A stage with a service on GPUs, bulk scoring and a prediction log."""
    return only(scaled, "heavy")


def only(assembly, stage):
    mine = ("evergreen-foundation", *(name for name in assembly.templates if stage in name))
    return Templates({name: assembly.templates[name] for name in mine})


def labels(picture):
    """What stands on boxes, by their names."""
    return dict(re.findall(r'^ +(\w+)\["(.*)"\]$', picture, re.M))


def drawn(picture):
    """Arrows as what stands on their ends, and on them."""
    boxes = labels(picture) | {name: name for name in ("callers", "people", "jobs_of_GitHub")}
    found = re.findall(ARROW, picture)
    return {
        (boxes[start].split("<br/>")[0], arrow.strip("-.> ").strip('"'), boxes[end].split("<")[0])
        for start, arrow, end in found
    }


def test_the_pages_show_what_the_templates_are_now():
    for path, text in diagram.pages().items():
        assert path.read_text() == text, f"{path.name}: make diagram, and look at it"


def test_a_request_can_be_followed_to_what_answers_it(heavy):
    ways = drawn(draw(heavy))
    assert {
        ("callers", "", "HTTP API"),
        ("HTTP API", "$default", "alias live"),
        ("alias live", "", "Lambda"),
        ("HTTP API", "/gpu/…, /gpu", "VPC link"),
        ("VPC link", "", "load balancer,"),
        ("load balancer,", "", "ECS service"),
        ("ECS service", "runs on", "Managed Instances"),
    } <= ways


def test_a_version_can_be_followed_to_the_traffic_and_back(heavy):
    ways = drawn(draw(heavy))
    assert {
        ("CodeDeploy", "asks first", "hook pre_traffic"),
        ("CodeDeploy", "moves", "alias live"),
        ("2 alarms:", "take back", "CodeDeploy"),
        ("alarm", "take back", "ECS service"),
        ("Lambda", "image", "images evergreen/function"),
        ("ECS service", "image", "images evergreen/server"),
        ("jobs_of_GitHub", "", "OIDC provider"),
        ("role evergreen-push", "", "images evergreen/function"),
        ("topic", "", "people"),
        ("state machine", "", "bucket of files"),
        ("clock,", "", "alias live"),
    } <= ways
    assert not [
        way for way in ways if way[0].startswith("role evergreen-refresh") and "im" in way[2]
    ]


def test_the_prediction_log_can_be_followed_from_what_prints_it_to_where_it_lies(heavy):
    ways = drawn(draw(heavy))
    assert {
        ("Lambda", "lines", "Firehose"),
        ("ECS service", "lines", "Firehose"),
        ("Firehose", "", "bucket of predictions"),
    } <= ways
    boxes = labels(draw(heavy))
    writers = {start for start, said, end in re.findall(ARROW, draw(heavy)) if "lines" in said}
    assert not [boxes[each] for each in writers if "bulk" in boxes[each]]


def test_a_service_that_sleeps_is_woken_and_one_on_fargate_has_no_machines(scaled):
    ways = drawn(draw(only(scaled, "light")))
    assert ("alarm", "wakes", "0 to 8 tasks") in ways
    assert not [way for way in ways if way[1] == "runs on"]


def test_every_arrow_begins_and_ends_at_a_box_and_each_box_is_one(heavy):
    picture = draw(heavy)
    assert len(re.findall(r"^ +\w+\[", picture, re.M)) == len(labels(picture))
    assert len(drawn(picture)) > 25
    groups = re.findall(r"subgraph \w+\[(.*)\]", picture)
    assert sorted(groups) == sorted(heavy.of)


def test_alarms_that_tell_the_same_people_share_a_box(heavy):
    (box,) = (each for each in labels(draw(heavy)).values() if "model-age" in each)
    assert box.startswith("15 alarms:<br/>errors, 5xx<br/>")
    assert "bulk-failed" in box


def test_a_kind_of_resource_that_nobody_decided_about_stops_it():
    templates = Templates({"s": {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}})
    with pytest.raises(CommandError, match="AWS::SQS::Queue: drawn, or left out"):
        draw(templates)


def test_what_another_stack_exports_is_found_there_and_nowhere_else():
    exported = {"Outputs": {"O": {"Value": {"Ref": "Api"}, "Export": {"Name": "a:Api"}}}}
    api = {"Resources": {"Api": {"Type": "AWS::ApiGatewayV2::Api"}}}
    templates = Templates({"a": {**api, **exported}, "b": {"Resources": {}}})
    assert templates.referred("b", [{"Fn::ImportValue": "a:Api"}]) == [Place("a", "Api")]
    assert templates.referred("b", {"Ref": "Api"}) == []
    with pytest.raises(CommandError, match="no stack exports a:Other"):
        templates.referred("b", {"Fn::ImportValue": "a:Other"})


def test_resources_are_counted_by_stack_and_stage():
    made = {
        stage: Templates({f"x-{stage}-watch": {"Resources": {str(n): {} for n in range(count)}}})
        for stage, count in (("dev", 2), ("prod", 3))
    }
    text = page(made)
    assert "| watch | 2 | 3 |" in text
    assert "| findings of cdk-nag | 0 | 0 |" in text


def test_a_page_without_a_place_for_the_picture_is_left_alone(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("a\n<!-- x -->\nold\n<!-- /x -->\nb\n")
    assert with_part(path, "x", "new\n") == "a\n<!-- x -->\nnew\n<!-- /x -->\nb\n"
    with pytest.raises(CommandError, match="has no lines <!-- y --> and <!-- /y -->"):
        with_part(path, "y", "new\n")
