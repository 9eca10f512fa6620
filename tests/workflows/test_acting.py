"""Pushes, scheduled refreshes and rollbacks, as their workflows run them."""

import json

import pytest

from tests.workflows.acting import ActRunner
from tests.workflows.files import WORKFLOWS, python_versions, started

pytestmark = pytest.mark.integration

CHECKOUT, SETUP = ("python3", "--action", "actions/checkout"), ".venv/.infra"
ROLE = ("python3", "--action", "aws-actions/configure-aws-credentials")
PROVENANCE = ("python3", "--action", "actions/attest-build-provenance")
BUILD = ("python", "-m", "scripts.build")
SCAN = ("python", "-m", "scripts.workflow.scan")
DEPLOY = ("python", "-m", "scripts.deploy")
REFRESH = ("python", "-m", "scripts.refresh")
UPLOAD = ("python3", "--action", "actions/upload-artifact")


def planned(stage, **service):
    """Return the outputs of scripts.workflow.plan for a configured stage."""
    return {
        "when": f"scripts.workflow.plan --stage {stage}",
        "outputs": {
            "configured": "true",
            "region": f"region-of-{stage}",
            "function_runner": "ubuntu-24.04-arm",
            "server_runner": "",
            "server_variant": "",
            **service,
            "rollback_environment": f"{stage}-rollback",
            "refresh_deploy_role": f"refresh-{stage}",
            "push_role": f"push-{stage}",
            "deploy_role": f"deploy-{stage}",
            "refresh_role": "refresh",
            "registry": f"s3://models-{stage}",
            "service": f"evergreen-{stage}",
            "function_repository": f"{stage}/function",
            "server_repository": f"{stage}/server",
        },
    }


def built(stage, image, digest):
    outputs = {"function_image": "", "server_image": "", f"{image}_image": digest}
    return {"when": f"scripts.build --stage {stage} --image {image}", "outputs": outputs}


def chosen(stage):
    outputs = {"models": f"sentiment=of-{stage}", "after": f"last-of-{stage}"}
    return {"when": f"scripts.workflow.choose_models --stage {stage}", "outputs": outputs}


CONFIGURED = [planned("dev"), planned("prod")]
BUILT = [
    *(chosen("dev"), chosen("prod")),
    *(built("dev", "function", "sha256:d"), built("prod", "function", "sha256:p")),
]
NOT_CONFIGURED = {
    "when": "scripts.workflow.plan",
    "outputs": {"configured": "false", "why": "a fork"},
}
BOTH = [{"model": "sentiment", "source": "registry"}, {"model": "ner", "source": "hub:x"}]
NEW = {"when": "scripts.workflow.check_updates", "outputs": {"new": json.dumps(BOTH)}}
NOTHING_NEW = {"when": "scripts.workflow.check_updates", "outputs": {"new": ""}}
VERSIONS = "ner=20261121-2b45b392,sentiment=20261121-1a8af814"
PASSED = {"when": "scripts.workflow.select_passed", "outputs": {"models": VERSIONS}}
NONE_PASSED = {"when": "scripts.workflow.select_passed", "outputs": {"models": ""}}
RELEASED = {"when": "scripts.workflow.released_commit", "outputs": {"commit": "c0ffee"}}
REFUSED = {
    "when": "--model sentiment --source registry",
    "files": {"--json": "{}", "--report": "# worse"},
    "code": 3,
}


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    return ActRunner(tmp_path_factory.mktemp("act"))


def fails(when):
    return {"when": when, "code": 1}


@pytest.fixture(scope="module")
def pushed(runner):
    return runner.act("push", "deploy", [*CONFIGURED, *BUILT])


def test_a_push_goes_to_dev_and_then_to_prod(pushed) -> None:
    assert pushed.green, pushed.log
    commands = [each for each in pushed.commands() if not each.startswith("scripts.workflow.plan")]
    assert commands == [
        f"scripts.{command} {stage}"
        for stage in ("dev", "prod")
        for command in (
            *("workflow.choose_models", "build", "workflow.scan"),
            *("workflow.verify_provenance", "deploy"),
        )
    ]


def test_each_stage_gets_the_very_digest_and_models_of_its_build(pushed) -> None:
    dev, prod = pushed.of(*DEPLOY)
    assert (dev["--stage"], dev["--function-image"]) == ("dev", "sha256:d")
    assert (prod["--stage"], prod["--function-image"]) == ("prod", "sha256:p")
    assert (dev["--models"], prod["--models"]) == ("sentiment=of-dev", "sentiment=of-prod")
    assert [each["--models"] for each in pushed.of(*BUILD)] == [dev["--models"], prod["--models"]]
    assert (dev["--after"], prod["--after"]) == ("last-of-dev", "last-of-prod")
    assert not {"--images-only"} & {*dev, *prod}
    verified = pushed.of("python", "-m", "scripts.workflow.verify_provenance")
    assert [each["--function-image"] for each in verified] == ["sha256:d", "sha256:p"]
    assert [scan["--function-image"] for scan in pushed.of(*SCAN)] == ["sha256:d", "sha256:p"]
    assert [each["--subject-digest"] for each in pushed.of(*PROVENANCE)] == ["sha256:d", "sha256:p"]
    assert [each["--subject-name"] for each in pushed.of(*PROVENANCE)] == [
        "dev/function",
        "prod/function",
    ]


def test_each_job_becomes_the_role_that_it_needs(pushed) -> None:
    roles = [(each["--role-to-assume"], each["--aws-region"]) for each in pushed.of(*ROLE)]
    assert roles == [
        (f"{role}-{stage}", f"region-of-{stage}")
        for stage in ("dev", "prod")
        for role in ("push", "push", "deploy")
    ]


@pytest.mark.parametrize(
    ("runner_", "variant", "cached"),
    [("ubuntu-24.04", "gpu", False), ("ubuntu-24.04-arm", "cpu", True)],
)
def test_a_service_has_an_image_of_its_own_runner_and_models_of_the_functions(
    runner, runner_, variant, cached
) -> None:
    service = planned("dev", server_runner=runner_, server_variant=variant)
    answers = [service, NOT_CONFIGURED, *BUILT, built("dev", "server", "sha256:s")]
    acted = runner.act("push", "deploy", answers)
    assert acted.green, acted.log
    builds = {each["--image"]: each for each in acted.of(*BUILD)}
    assert set(builds) == {"function", "server"}
    assert {each["--models"] for each in builds.values()} == {"sentiment=of-dev"}
    (deploy,) = acted.of(*DEPLOY)
    assert (deploy["--function-image"], deploy["--server-image"]) == ("sha256:d", "sha256:s")
    assert {(each["--function-image"], each["--server-image"]) for each in acted.of(*SCAN)} == {
        ("sha256:d", ""),
        ("", "sha256:s"),
    }
    names = {each["--subject-name"]: each["--subject-digest"] for each in acted.of(*PROVENANCE)}
    assert names == {"dev/function": "sha256:d", "dev/server": "sha256:s"}
    assert bool(builds["function"]["--build-flags"])
    assert bool(builds["server"]["--build-flags"]) == cached, "a cache of it would fill the disk"
    freed = acted.of("python3", "-m", "scripts.workflow.free_disk")
    assert [int(each["--gigabytes"]) >= 24 for each in freed] == [True] * (not cached)
    assert len(acted.of("python3", "--action", "docker/setup-buildx-action")) == 1 + cached


@pytest.mark.parametrize("image", ["function", "server"])
def test_a_stage_of_which_one_image_fails_is_not_deployed(runner, image) -> None:
    service = planned("dev", server_runner="ubuntu-24.04", server_variant="gpu")
    broken = fails(f"scripts.build --stage dev --image {image}")
    answers = [broken, service, NOT_CONFIGURED, *BUILT, built("dev", "server", "sha256:s")]
    acted = runner.act("push", "deploy", answers)
    assert not acted.green
    assert not acted.of(*DEPLOY)


def test_what_nobody_attests_is_not_deployed(runner) -> None:
    forged = fails("scripts.workflow.verify_provenance")
    acted = runner.act("push", "deploy", [forged, *CONFIGURED, *BUILT])
    assert not acted.green
    assert not acted.of(*DEPLOY)


def test_a_change_of_docs_alone_releases_nothing_and_is_tested_by_its_pull_request(runner) -> None:
    docs = ["docs/deploying.md", "README.md", "docs/images/a.png", "examples/client.py"]
    assert started("push", "main", docs) == set()
    assert started("push", "main", [*docs, "function/core/types.py"]) == {"deploy"}
    assert started("push", "topic", docs) == set()
    assert started("pull_request", "main", docs) == {"ci"}
    for name in ("infra/stages.py", "scripts/build.py", "Dockerfile.lambda", "registry/x.json"):
        assert started("push", "main", [name]) == {"deploy"}, name
        assert started("push", "topic", [name]) == {"ci"}, name


def test_a_build_keeps_its_layers_for_the_next(pushed) -> None:
    flags = pushed.of(*BUILD)[0]["--build-flags"].split()
    assert len(flags) == 2
    source, destination = (flag.split("=", 2)[2].split(",")[1] for flag in flags)
    assert source.removeprefix("src=") == destination.removeprefix("dest=")


CONTAINER = ["sudo", "--preserve-env", "make", "container"]


def pythons(acted):
    return {
        each["--python-version"] for each in acted.of("python3", "--action", "actions/setup-python")
    }


def test_a_push_to_main_is_tested_on_the_images_python_and_on_every_processor(pushed) -> None:
    made = pushed.made()
    assert made.count("test") == 1
    assert pythons(pushed) == set(python_versions("push"))
    assert made.count("parity") == 2
    assert {"check", "browser"} <= set(made)
    assert CONTAINER in pushed.calls


def test_a_pull_request_is_tested_on_every_python(runner) -> None:
    acted = runner.act("pull_request", "ci", [])
    assert acted.green, acted.log
    assert acted.made().count("test") == len(python_versions("pull_request"))
    assert set(python_versions("pull_request")) <= pythons(acted)
    assert CONTAINER in acted.calls


def test_a_push_to_another_branch_is_checked_and_tested_once(runner) -> None:
    acted = runner.act("push", "ci", [], branch="topic")
    assert acted.green, acted.log
    assert sorted(acted.made()) == [".venv/.test", ".venv/.test", "check", "test"]


@pytest.mark.parametrize(
    "broken", ["scripts.build --stage dev", "scripts.workflow.scan --stage dev"]
)
def test_an_image_that_does_not_hold_is_deployed_nowhere(runner, broken) -> None:
    acted = runner.act("push", "deploy", [fails(broken), *CONFIGURED, *BUILT])
    assert not acted.green
    assert not acted.of(*DEPLOY)


def test_what_dev_does_not_take_never_comes_to_prod(runner) -> None:
    acted = runner.act("push", "deploy", [fails("scripts.deploy --stage dev"), *CONFIGURED, *BUILT])
    assert not acted.green
    assert [each["--stage"] for each in acted.of(*DEPLOY)] == ["dev"]
    assert [each["--stage"] for each in acted.of(*BUILD)] == ["dev"]


def test_what_fails_its_tests_never_comes_to_prod(runner) -> None:
    acted = runner.act("push", "deploy", [fails("make browser"), *CONFIGURED, *BUILT])
    assert not acted.green
    assert [each["--stage"] for each in acted.of(*DEPLOY)] == ["dev"]


@pytest.mark.parametrize(
    ("event", "workflow", "options"),
    [
        ("push", "deploy", ()),
        ("schedule", "refresh-model", ()),
        ("workflow_dispatch", "rollback", ("--input=stage=prod",)),
    ],
)
def test_a_fork_that_nobody_configured_ends_green_and_deploys_nothing(
    runner, event, workflow, options
) -> None:
    acted = runner.act(event, workflow, [NOT_CONFIGURED], *options)
    assert acted.green, acted.log
    assert {each.split()[0] for each in acted.commands()} == {"scripts.workflow.plan"}
    assert not acted.of(*ROLE)


def test_a_tick_that_finds_nothing_new_ends_at_the_check_without_torch(runner) -> None:
    acted = runner.act("schedule", "refresh-model", [*CONFIGURED, NOTHING_NEW])
    assert acted.green, acted.log
    assert acted.commands() == ["scripts.workflow.plan prod", "scripts.workflow.check_updates prod"]
    assert acted.made() == [".venv/.look"]
    (check,) = acted.of("python", "-m", "scripts.workflow.check_updates")
    assert check["--registry"] == "s3://models-prod"
    assert (check["--stage"], check["--model"], check["--source"]) == ("prod", "", "registry")
    assert "--retry" not in check


def test_where_newer_models_come_from_is_a_variable_of_the_repository(runner) -> None:
    source = "ner=wandb:team/project/model"
    acted = runner.act(
        "schedule", "refresh-model", [*CONFIGURED, NOTHING_NEW], f"--var=MODEL_SOURCE={source}"
    )
    assert acted.of("python", "-m", "scripts.workflow.check_updates")[0]["--source"] == source
    assert acted.made() == [".venv/.test"], "its client is not in the small environment"


HANDED = {
    "HF_TOKEN": "of-the-hub",
    "MLFLOW_TRACKING_URI": "https://mlflow.example.com",
    "MLFLOW_TRACKING_TOKEN": "of-mlflow",
    "WANDB_API_KEY": "of-wandb",
}
PRIVATE = [
    "--var=MODEL_SOURCE=sentiment=hub:acme/private,ner=mlflow:private",
    "--var=MLFLOW_TRACKING_URI=https://mlflow.example.com",
    *(f"--secret={name}={value}" for name, value in HANDED.items() if not name.endswith("URI")),
]


def test_a_private_source_gets_its_secrets_and_no_other_command_does(runner) -> None:
    checked, judged = ({"when": each, "variables": HANDED} for each in ("check_updates", "refresh"))
    none = dict.fromkeys(HANDED, "")
    others = [{**each, "variables": none} for each in (*CONFIGURED, *BUILT, PASSED, RELEASED)]
    rest = [{"when": each, "variables": none} for each in ("scripts.", "make ", "--action")]
    answers = [
        {**checked, "outputs": NEW["outputs"]},
        {**judged, "when": "scripts.refresh --registry"},
        *(*others, *rest),
    ]
    acted = runner.act("schedule", "refresh-model", answers, *PRIVATE)
    assert acted.green, acted.log
    assert len(acted.of(*REFRESH)) == 2
    assert len(acted.of(*DEPLOY)) == 1


@pytest.fixture(scope="module")
def refreshed(runner):
    return runner.act("schedule", "refresh-model", [*CONFIGURED, *BUILT, NEW, PASSED, RELEASED])


def test_each_model_with_something_new_is_judged_by_its_own_source(refreshed) -> None:
    assert refreshed.green, refreshed.log
    judged = {each["--model"]: each["--source"] for each in refreshed.of(*REFRESH)}
    assert judged == {each["model"]: each["source"] for each in BOTH}
    assert {each["--registry"] for each in refreshed.of(*REFRESH)} == {"s3://models-prod"}


def test_what_each_job_found_comes_together_by_the_models_name(refreshed) -> None:
    for each in refreshed.of(*REFRESH):
        folder, _, file = each["--json"].rpartition("/")
        assert (file, each["--report"]) == (
            f"{each['--model']}.json",
            f"{folder}/{each['--model']}.md",
        )
    kept = {each["--name"] for each in refreshed.of(*UPLOAD)}
    assert kept == {"judged-sentiment", "judged-ner"}
    fetched = refreshed.of("python3", "--action", "actions/download-artifact")
    (passed,) = refreshed.of("python", "-m", "scripts.workflow.select_passed")
    (refusal,) = refreshed.of("python3", "-m", "scripts.workflow.report_refused")
    folders = {passed["--judged"], refusal["--judged"], *(each["--path"] for each in fetched)}
    assert [each["--pattern"] for each in fetched] == ["judged-*", "judged-*"]
    assert len(folders) == 1
    assert json.loads(refusal["--expected"]) == BOTH


def test_newer_models_that_passed_are_one_build_and_one_release_of_prod(refreshed) -> None:
    (build,) = refreshed.of(*BUILD)
    assert (build["--stage"], build["--models"]) == ("prod", "sentiment=of-prod")
    (deploy,) = refreshed.of(*DEPLOY)
    assert (deploy["--stage"], deploy["--function-image"]) == ("prod", "sha256:p")
    assert deploy["--models"] == "sentiment=of-prod"
    assert "--images-only" in deploy
    (choice,) = refreshed.of("python", "-m", "scripts.workflow.choose_models")
    assert choice["--models"] == VERSIONS
    roles = [each["--role-to-assume"] for each in refreshed.of(*ROLE)]
    assert roles == ["refresh"] * 4 + ["push-prod"] * 2 + ["refresh-prod"]


def test_credentials_outlast_the_judging_of_a_model(refreshed) -> None:
    """What passed is published at its end."""
    step = next(
        step
        for step in WORKFLOWS["refresh-model"]["jobs"]["judge"]["steps"]
        if "scripts.refresh" in step.get("run", "")
    )
    seconds = {each.get("--role-duration-seconds") for each in refreshed.of(*ROLE)} - {""}
    assert {int(each) >= step["timeout-minutes"] * 60 for each in seconds} == {True}


def test_a_newer_model_brings_no_code_that_prod_does_not_run_already(refreshed) -> None:
    (released,) = refreshed.of("python", "-m", "scripts.workflow.released_commit")
    assert (released["--registry"], released["--stage"]) == ("s3://models-prod", "prod")
    assert [each["--ref"] for each in refreshed.of(*CHECKOUT) if each["--ref"]] == ["c0ffee"] * 4


def test_models_that_were_refused_are_reported_and_change_nothing(runner) -> None:
    answers = [*CONFIGURED, *BUILT, NEW, REFUSED, NONE_PASSED, RELEASED]
    acted = runner.act("schedule", "refresh-model", answers)
    assert acted.green, acted.log
    assert "scripts.workflow.report_refused" in acted.commands()
    assert not acted.of(*BUILD)


def test_a_model_that_was_refused_holds_no_other_up(runner) -> None:
    answers = [*CONFIGURED, *BUILT, NEW, REFUSED, PASSED, RELEASED]
    acted = runner.act("schedule", "refresh-model", answers)
    assert acted.green, acted.log
    assert len(acted.of(*REFRESH)) == 2
    assert len(acted.of(*DEPLOY)) == 1


def test_a_refresh_that_broke_is_red_and_holds_no_other_up(runner) -> None:
    broke = [
        fails("scripts.refresh --registry s3://models-prod --model ner"),
        fails("scripts.workflow.report_refused"),
    ]
    acted = runner.act(
        "schedule", "refresh-model", [*broke, *CONFIGURED, *BUILT, NEW, PASSED, RELEASED]
    )
    assert not acted.green
    assert len(acted.of(*REFRESH)) == 2
    assert len(acted.of(*DEPLOY)) == 1


def test_a_person_may_have_one_model_judged_again(runner) -> None:
    options = ("--input=retry=true", "--input=model=ner", "--input=source=hub:acme/texts")
    acted = runner.act(
        "workflow_dispatch", "refresh-model", [*CONFIGURED, NEW, NONE_PASSED], *options
    )
    (check,) = acted.of("python", "-m", "scripts.workflow.check_updates")
    assert (check["--model"], check["--source"]) == ("ner", "hub:acme/texts")
    assert all("--retry" in call for call in (check, *acted.of(*REFRESH)))


LOG = "--var=PREDICTION_LOG=s3://log/predictions"
GOOD = "--var=DRIFT_REFERENCE=s3://log/good"


def test_every_day_the_log_is_checked_for_drift(runner) -> None:
    acted = runner.act("schedule", "drift", CONFIGURED, LOG, GOOD)
    assert acted.green
    (options,) = acted.of("python", "-m", "scripts.drift")
    assert (options["--log"], options["--stage"]) == ("s3://log/predictions", "prod")
    assert (options["--since"], options["--registry"]) == ("24h", "s3://models-prod")
    assert (options["--cloudwatch"], options["--service"]) == ("Evergreen", "evergreen-prod")
    assert options["--reference"] == "s3://log/good"


def test_drift_is_red_and_its_report_is_kept(runner) -> None:
    found = {"when": "scripts.drift", "code": 3}
    acted = runner.act("schedule", "drift", [*CONFIGURED, found], LOG, GOOD)
    assert not acted.green
    (options,) = acted.of("python", "-m", "scripts.drift")
    (kept,) = acted.of(*UPLOAD)
    assert kept["--path"] == options["--output"]


def test_without_a_good_week_to_compare_with_nothing_is_checked_and_this_is_reported(
    runner,
) -> None:
    acted = runner.act("schedule", "drift", CONFIGURED, LOG)
    assert acted.green
    assert acted.commands() == ["scripts.workflow.plan prod", "scripts.workflow.notice"]
    assert any("DRIFT_REFERENCE" in word for call in acted.calls for word in call)


def test_where_no_log_is_kept_nothing_is_checked(runner) -> None:
    acted = runner.act("schedule", "drift", CONFIGURED)
    assert acted.green
    assert acted.commands() == ["scripts.workflow.plan prod"]


def test_a_rollback_goes_to_the_release_before_or_to_the_one_that_is_named(runner) -> None:
    for options, release in (((), None), (("--input=release=R1",), "R1")):
        acted = runner.act(
            "workflow_dispatch", "rollback", CONFIGURED, "--input=stage=prod", *options
        )
        assert acted.green, acted.log
        (call,) = acted.of("python", "-m", "scripts.redeploy")
        assert call["--stage"] == "prod"
        assert call.get("--release") == release
        assert "--current-templates" not in call
        assert acted.of(*ROLE)[0]["--role-to-assume"] == "deploy-prod"


def test_a_rollback_takes_the_templates_of_main_where_it_is_asked_to(runner) -> None:
    options = ("--input=stage=prod", "--input=current-templates=true")
    acted = runner.act("workflow_dispatch", "rollback", CONFIGURED, *options)
    assert acted.green, acted.log
    (call,) = acted.of("python", "-m", "scripts.redeploy")
    assert "--current-templates" in call
