"""The doctor's questions to GitHub, answered by a server on loopback with its API's documents."""

from http.server import HTTPServer

import pytest

from infra.configuration.project import GitHubRepository
from infra.stages import DEV
from scripts.doctor import github
from scripts.doctor.check import run_check
from tests.stand_ins.json_server import LOOPBACK, JsonRequests, serving

OURS = GitHubRepository(owner="acme", name="texts", owner_id=11, repository_id=22)
UNKNOWN = GitHubRepository(owner="acme", name="texts", owner_id=0, repository_id=0)
REPOSITORY = {"id": 22, "owner": {"id": 11}}


@pytest.fixture
def api(monkeypatch):
    """Documents by path behind the repository's; whatever is not among them is 404."""
    documents = {"": REPOSITORY}

    class Requests(JsonRequests):
        def respond(self, method, document):
            path = self.path.removeprefix("/repos/acme/texts")
            status = 200 if path in documents else 404
            self.answer(documents.get(path, {"message": "Not Found"}), status)

    monkeypatch.setenv("GITHUB_TOKEN", "testing")
    with serving(HTTPServer((LOOPBACK, 0), Requests)) as address:
        monkeypatch.setenv("GITHUB_API_URL", address)
        yield documents


def one(results):
    (found,) = results
    return found


def test_a_repository_that_was_not_filled_in_is_reported_with_how_to(api):
    found = one(github.repository(UNKNOWN))
    assert found.state == "bad"
    assert "gh api repos/OWNER/NAME" in found.fix
    assert not list(github.environments(UNKNOWN, DEV))
    assert not list(github.schedule(UNKNOWN))


def test_the_numbers_must_be_the_repositorys_own(api):
    assert one(github.repository(OURS)).state == "ok"
    api[""] = {"id": 23, "owner": {"id": 11}}
    found = one(github.repository(OURS))
    assert found.state == "bad"
    assert "11 and 23" in found.summary


def branches(*names):
    return {"branch_policies": [{"name": name} for name in names]}


CUSTOM = {"deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True}}
PROTECTED = {
    "deployment_branch_policy": {"protected_branches": True, "custom_branch_policies": False}
}


@pytest.mark.parametrize(
    ("environment", "policies", "state"),
    [
        (None, None, "bad"),
        ({"deployment_branch_policy": None}, None, "bad"),
        (PROTECTED, None, "ok"),
        (CUSTOM, branches("main"), "ok"),
        (CUSTOM, branches("main", "feature/*"), "bad"),
        (CUSTOM, branches(), "bad"),
    ],
    ids=["not there", "every branch", "protected", "main", "main and others", "none"],
)
def test_an_environment_takes_the_branch_alone(api, environment, policies, state):
    if environment:
        api["/environments/dev"] = environment
    if policies:
        api["/environments/dev/deployment-branch-policies"] = policies
    found = one(github.environments(OURS, DEV))
    assert found.state == state
    assert bool(found.fix) == (state == "bad")


@pytest.mark.parametrize(
    ("workflow", "state"),
    [
        ({"state": "active"}, "ok"),
        ({"state": "disabled_inactivity"}, "bad"),
        ({"state": "disabled_fork"}, "bad"),
        (None, "note"),
    ],
)
def test_a_schedule_that_github_switched_off_is_found(api, workflow, state):
    if workflow:
        api["/actions/workflows/refresh-model.yml"] = workflow
    assert one(github.schedule(OURS)).state == state


def test_without_a_token_what_is_private_is_unknown_and_not_wrong(api, monkeypatch):
    monkeypatch.delenv("GITHUB_TOKEN")
    monkeypatch.delenv("GH_TOKEN", raising=False)
    found = one(run_check("environments", github.environments, OURS, DEV))
    assert found.state == "unknown"
    assert "GITHUB_TOKEN=$(gh auth token)" in found.summary


def test_a_github_that_is_not_there_is_unknown_and_not_wrong(monkeypatch):
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")
    found = one(run_check("repository", github.repository, OURS))
    assert found.state == "unknown"
    assert "cannot be reached" in found.summary
