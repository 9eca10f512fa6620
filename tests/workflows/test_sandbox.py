"""Pull requests and nights in the sandbox, as their workflows run them."""

import json

import pytest

from tests.workflows.acting import ActRunner
from tests.workflows.files import WORKFLOWS

pytestmark = pytest.mark.integration

ROLE = ("python3", "--action", "aws-actions/configure-aws-credentials")
CHECKOUT = ("python3", "--action", "actions/checkout")
UPLOAD = ("python3", "--action", "actions/upload-artifact")
PLAN = "scripts.workflow.plan_sandbox"
DEPLOY = ("python", "-m", "scripts.workflow.deploy_preview")
DESTROY = ("python", "-m", "scripts.workflow.destroy_previews")
COMMENT = ("python3", "-m", "scripts.workflow.comment_preview")
MEASURE = ("python", "-m", "scripts.workflow.measure_served")
DIFF = ("python", "-m", "scripts.workflow.template_diff")
URL = "https://abc.example.com"
PLAIN = {"stage": "nightly", "runner": "ubuntu-24.04-arm", "gpu": False}
FULL = {"stage": "nightly-full", "runner": "ubuntu-24.04-arm", "gpu": False}
GPU = {"stage": "nightly-gpu", "runner": "ubuntu-24.04", "gpu": True}


def planned(*stages):
    """Return the outputs of scripts.workflow.plan_sandbox where there is a sandbox."""
    return {
        "when": PLAN,
        "outputs": {
            "configured": "true",
            "region": "region-of-sandbox",
            "runner": "ubuntu-24.04-arm",
            "preview_role": "previews",
            "nightly_role": "everything",
            "stages": json.dumps(stages or [PLAIN]),
        },
    }


CONFIGURED = planned()
OFF = {"when": PLAN, "outputs": {"configured": "false", "why": "no sandbox"}}
DEPLOYED = {"when": "deploy_preview", "outputs": {"url": URL}}


def fails(when):
    return {"when": when, "code": 1}


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    return ActRunner(tmp_path_factory.mktemp("act"))


@pytest.fixture(scope="module")
def pull(runner, tmp_path_factory):
    """Act an event of pull request 7."""
    folder = tmp_path_factory.mktemp("events")

    def act(action, answers, head="acme/texts", merged=False):
        base = {"ref": "main", "sha": "c0ffee"}
        event = {
            "action": action,
            "number": 7,
            "repository": {"full_name": "acme/texts", "default_branch": "main"},
            "pull_request": {
                "number": 7,
                "merged": merged,
                "base": base,
                "head": {"ref": "topic", "repo": {"full_name": head}},
            },
        }
        file = folder / "event.json"
        file.write_text(json.dumps(event))
        return runner.act("pull_request", "preview", answers, f"--eventpath={file}")

    return act


@pytest.fixture(scope="module")
def opened(pull):
    return pull("opened", [CONFIGURED, DEPLOYED])


def test_an_opened_pull_request_is_deployed_measured_compared_and_commented(opened):
    assert opened.green, opened.log
    commands = opened.commands()
    assert commands[0] == f"{PLAN} pr-7"
    assert commands[-1] == "scripts.workflow.comment_preview pr-7"
    assert sorted(commands[1:-1]) == [
        "scripts.workflow.deploy_preview pr-7",
        "scripts.workflow.measure_served",
        "scripts.workflow.template_diff",
    ]
    (comment,) = opened.of(*COMMENT)
    assert (comment["--url"], comment["--deployed"]) == (URL, "success")
    assert comment["--destroyed"] == ""
    assert opened.of(*MEASURE)[0]["--url"] == URL


def test_the_comment_reads_what_the_other_jobs_wrote(opened):
    (comment,) = opened.of(*COMMENT)
    written = {opened.of(*DIFF)[0]["--output"], opened.of(*MEASURE)[0]["--json"]}
    assert {each["--path"] for each in opened.of(*UPLOAD)} == written
    assert {each["--name"] for each in opened.of(*UPLOAD)} == {"preview-diff", "preview-figures"}
    (fetched,) = opened.of("python3", "--action", "actions/download-artifact")
    assert (fetched["--pattern"], fetched["--path"]) == ("preview-*", comment["--folder"])


def test_it_is_compared_with_the_commit_that_it_is_for(opened):
    assert "c0ffee" in [each["--ref"] for each in opened.of(*CHECKOUT)]
    assert opened.of(*DIFF)[0]["--base"] == "build/base"


def test_one_role_is_taken_by_the_job_that_deploys_alone(opened):
    (role,) = opened.of(*ROLE)
    assert (role["--role-to-assume"], role["--aws-region"]) == ("previews", "region-of-sandbox")


def test_a_further_push_deploys_the_same_stage_again(pull):
    acted = pull("synchronize", [CONFIGURED, DEPLOYED])
    assert acted.green, acted.log
    assert [each["--stage"] for each in acted.of(*DEPLOY)] == ["pr-7"]
    assert not acted.of(*DESTROY)


@pytest.mark.parametrize("merged", [True, False])
def test_a_closed_one_is_deleted_by_the_code_of_main(pull, merged):
    acted = pull("closed", [CONFIGURED], merged=merged)
    assert acted.green, acted.log
    assert [each["--stage"] for each in acted.of(*DESTROY)] == ["pr-7"]
    assert not acted.of(*DEPLOY)
    assert {each["--ref"] for each in acted.of(*CHECKOUT)} == {"main"}
    (comment,) = acted.of(*COMMENT)
    assert (comment["--destroyed"], comment["--deployed"]) == ("success", "")


def test_one_that_is_closed_twice_is_deleted_twice(pull):
    for _ in range(2):
        acted = pull("closed", [CONFIGURED])
        assert acted.green, acted.log
        assert len(acted.of(*DESTROY)) == 1


BREAKING = ["make .venv/.infra build", "deploy_preview", "setup-buildx", "configure-aws"]


@pytest.mark.parametrize("broken", BREAKING)
def test_one_that_failed_half_way_is_red_says_so_and_is_deleted_all_the_same(pull, broken):
    acted = pull("synchronize", [fails(broken), CONFIGURED, DEPLOYED])
    assert not acted.green
    (comment,) = acted.of(*COMMENT)
    assert comment["--deployed"] == "failure"
    assert not acted.of(*MEASURE)
    closed = pull("closed", [CONFIGURED])
    assert closed.green, closed.log
    assert [each["--stage"] for each in closed.of(*DESTROY)] == ["pr-7"]


@pytest.mark.parametrize("broken", ["template_diff", "measure_served"])
def test_neither_diff_nor_figures_keep_the_address_from_the_comment(pull, broken):
    acted = pull("opened", [fails(broken), CONFIGURED, DEPLOYED])
    assert not acted.green
    (comment,) = acted.of(*COMMENT)
    assert (comment["--url"], comment["--deployed"]) == (URL, "success")


def test_what_cannot_be_deleted_is_red_and_says_so(pull):
    acted = pull("closed", [fails("destroy_previews"), CONFIGURED])
    assert not acted.green
    (comment,) = acted.of(*COMMENT)
    assert comment["--destroyed"] == "failure"


@pytest.mark.parametrize("action", ["opened", "synchronize", "closed"])
def test_a_forks_pull_request_ends_green_and_asks_for_no_role(pull, action):
    """The plan refuses it, by the repository's name in its arguments."""
    refused = {**OFF, "when": "--head someone/texts"}
    acted = pull(action, [refused, CONFIGURED, DEPLOYED], head="someone/texts")
    assert acted.green, acted.log
    assert acted.commands() == [f"{PLAN} pr-7"]
    assert not acted.of(*ROLE)


@pytest.mark.parametrize("action", ["opened", "closed"])
def test_without_a_sandbox_a_pull_request_ends_green(pull, action):
    acted = pull(action, [OFF])
    assert acted.green, acted.log
    assert acted.commands() == [f"{PLAN} pr-7"]
    assert not acted.of(*ROLE)


@pytest.mark.parametrize("event", ["schedule", "workflow_dispatch"])
def test_the_sweep_deletes_what_was_forgotten(runner, event):
    acted = runner.act(event, "preview", [CONFIGURED])
    assert acted.green, acted.log
    assert acted.commands() == [f"{PLAN} sandbox", "scripts.workflow.destroy_previews"]
    assert "--closed" in acted.of(*DESTROY)[0]
    assert [each["--role-to-assume"] for each in acted.of(*ROLE)] == ["previews"]


@pytest.mark.parametrize("workflow", ["preview", "nightly"])
def test_without_a_sandbox_schedules_end_green(runner, workflow):
    acted = runner.act("schedule", workflow, [OFF])
    assert acted.green, acted.log
    assert {each.split()[0] for each in acted.commands()} == {PLAN}
    assert not acted.of(*ROLE)


def checked(acted):
    return [each for each in acted.made() if each.startswith("nightly")]


def test_a_night_checks_the_function_and_cleans_up(runner):
    acted = runner.act("schedule", "nightly", [CONFIGURED])
    assert acted.green, acted.log
    assert checked(acted) == ["nightly", "nightly-clean"]
    assert [each["--role-to-assume"] for each in acted.of(*ROLE)] == ["everything"] * 2
    seconds = int(acted.of(*ROLE)[0]["--role-duration-seconds"])
    assert seconds >= WORKFLOWS["nightly"]["jobs"]["check"]["timeout-minutes"] * 60
    assert not acted.of("python3", "-m", "scripts.workflow.free_disk")


def test_on_sundays_each_stage_is_checked_and_the_gpus_image_gets_room(runner):
    acted = runner.act("schedule", "nightly", [planned(FULL, GPU)])
    assert acted.green, acted.log
    assert checked(acted) == ["nightly", "nightly", "nightly-clean"]
    assert len(acted.of("python3", "-m", "scripts.workflow.free_disk")) == 1
    assert len(acted.of("python3", "--action", "docker/setup-buildx-action")) == 1
    assert sorted(each["--name"] for each in acted.of(*UPLOAD)) == ["nightly-full", "nightly-gpu"]


@pytest.mark.parametrize("stage", [PLAIN, FULL, GPU], ids=lambda each: each["stage"])
def test_the_checklist_gets_its_stage(runner, stage):
    cleaned = {"when": "nightly-clean"}
    given = {"when": "make nightly", "variables": {"STAGE": stage["stage"]}}
    acted = runner.act("schedule", "nightly", [cleaned, given, planned(stage)])
    assert acted.green, acted.log


FAILING = ["make .venv/.test", "make nightly", "setup-buildx", "configure-aws", "upload-artifact"]


@pytest.mark.parametrize("broken", FAILING)
def test_after_every_kind_of_failure_everything_is_deleted(runner, broken):
    """The stand-ins of the clean job's own steps hold."""
    kept = {"when": "nightly-clean"}
    role = {"when": "configure-aws"}
    answers = [kept, fails(broken), CONFIGURED]
    if broken == "configure-aws":  # which the clean job needs too: the check's alone breaks
        answers = [
            {"when": "--role-duration-seconds=7200", "code": 1},
            role,
            kept,
            CONFIGURED,
        ]
    acted = runner.act("schedule", "nightly", answers)
    assert not acted.green
    assert checked(acted)[-1] == "nightly-clean"


def test_a_stage_that_fails_does_not_keep_the_next_from_its_check(runner):
    answers = [
        {"when": "nightly-clean"},
        {"when": "make nightly", "variables": {"STAGE": "nightly-gpu"}},
        planned(FULL, GPU),
    ]
    acted = runner.act("schedule", "nightly", answers)
    assert not acted.green
    assert checked(acted) == ["nightly", "nightly", "nightly-clean"]


def test_a_person_may_have_everything_checked_on_any_day(runner):
    acted = runner.act("workflow_dispatch", "nightly", [CONFIGURED], "--input=everything=true")
    assert acted.green, acted.log
    (plan,) = acted.of("python3", "-m", PLAN)
    assert "--everything" in plan
    assert (
        "--everything" not in runner.act("schedule", "nightly", [OFF]).of("python3", "-m", PLAN)[0]
    )


def test_no_workflow_runs_a_pull_requests_code_with_more_than_its_own_credentials():
    assert not any("pull_request_target" in each["on"] for each in WORKFLOWS.values())
    assert not any("workflow_run" in each["on"] for each in WORKFLOWS.values())
    preview = WORKFLOWS["preview"]
    roles = {
        step["with"]["role-to-assume"]
        for job in preview["jobs"].values()
        for step in job["steps"]
        if "role-to-assume" in step.get("with", {})
    }
    assert roles == {"${{ needs.plan.outputs.role }}"}
    assert preview["jobs"]["plan"]["outputs"]["role"] == "${{ steps.plan.outputs.preview_role }}"


def test_changes_of_one_preview_come_one_after_the_other():
    group = WORKFLOWS["preview"]["concurrency"]
    assert group["group"] == "preview-${{ github.event.pull_request.number || 'sweep' }}"
    assert group["cancel-in-progress"] is False
    assert "closed" in WORKFLOWS["preview"]["on"]["pull_request"]["types"]
