"""Sentences on the answer of a new deployment, of each head."""

import json
from http.server import HTTPServer

import boto3
import pytest

from scripts.deploy.account import Account
from scripts.deploy.live import check_answers, running_tasks
from tests.stand_ins.json_server import LOOPBACK, JsonRequests, serving

NOBODY = Account("123456789012", "eu-central-1", boto3.Session())


@pytest.mark.parametrize(
    ("prediction", "said"),
    [
        ({"label": "positive", "score": 0.9}, "positive 0.900"),
        ({"labels": ["a", "b"], "scores": []}, "labels a, b"),
        ({"score": -1.25}, "score -1.250"),
        ({"entities": [{}, {}]}, "2 entities"),
        ({"embedding": [0.1] * 384}, "a vector of 384 dimensions"),
    ],
)
def test_an_answer_of_each_head_shows_that_a_deployment_is_up(prediction, said):
    class Requests(JsonRequests):
        def respond(self, method, document):
            answer = {"predictions": [prediction], "model": {"version": "v7"}}
            self.answer({} if method == "GET" else answer)

    with serving(HTTPServer((LOOPBACK, 0), Requests)) as url:
        assert check_answers(NOBODY, url, "public", None, tries=1) == f"{said}, by v7"


def test_tasks_are_counted_by_ecs_and_unknown_where_there_is_no_service(cloud):
    ecs, cloudformation = boto3.client("ecs"), boto3.client("cloudformation")
    cluster = ecs.create_cluster(clusterName="c")["cluster"]["clusterArn"]
    container = {"name": "server", "image": "i", "memory": 1}
    ecs.register_task_definition(family="f", containerDefinitions=[container])
    ecs.create_service(cluster=cluster, serviceName="s", taskDefinition="f", desiredCount=0)
    for stack, service in (("here", "s"), ("gone", "t")):
        template = {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {"Cluster": {"Value": cluster}, "Service": {"Value": service}},
        }
        cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template))
    account = Account("123456789012", "eu-central-1", boto3.Session())
    assert [running_tasks(account, each) for each in ("here", "gone", "absent")] == [0, None, None]
