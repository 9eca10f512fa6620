"""Rules for all workflows. `make check` lints them besides."""

import importlib.util
import inspect
import re
import sys
import tomllib
from dataclasses import replace

import pytest
import yaml

from scripts.refresh.sources.location import SCHEMES
from scripts.workflow import INTERFACE
from scripts.workflow.plan import outputs
from tests.commands import REPOSITORY
from tests.container.bases import pinned
from tests.workflows.files import (
    ACTIONS,
    FOLDER,
    PINNED,
    TEXTS,
    WORKFLOWS,
    jobs,
    python_versions,
    steps,
)

JOBS = dict(jobs())
RUNS = [(name, step["run"]) for name, step in steps() if "run" in step]
COMMAND = re.compile(r"(?:python3|\.venv/bin/python) -m (scripts(?:\.\w+)+)(?: |$)")
MAKE = re.compile(r"(?:sudo --preserve-env )?make (\S+)$")
RELEASES = {name: job for name, job in JOBS.items() if job.get("uses", "").endswith("release.yml")}


def test_there_are_the_workflows_that_the_documentation_names() -> None:
    assert {*WORKFLOWS} == {
        *("ci", "build-image", "release", "deploy", "refresh-model", "rollback", "drift"),
        *("preview", "nightly"),
    }


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_begins_with_no_permissions(name: str) -> None:
    assert WORKFLOWS[name]["permissions"] == {}


@pytest.mark.parametrize("name", JOBS)
def test_a_job_has_its_own_permissions_and_may_write_no_code(name: str) -> None:
    permissions = JOBS[name]["permissions"]
    assert permissions["contents"] == "read"
    own = {"pull-requests"} if name.startswith("preview/") else set()
    assert set(permissions) <= {"contents", "id-token", "attestations", "issues", *own}
    # A pull request's own code runs there: who writes comments has no credentials of AWS.
    assert permissions.get("pull-requests") != "write" or "id-token" not in permissions


@pytest.mark.parametrize("name", TEXTS)
def test_every_permission_has_its_reason_next_to_it(name: str) -> None:
    granted = re.findall(r"^ +(?:[\w-]+): (?:read|write)\b(.*)$", TEXTS[name], re.MULTILINE)
    assert all(re.match(r" # \w+", reason) for reason in granted)


@pytest.mark.parametrize("name", JOBS)
def test_a_job_of_steps_ends_within_a_time(name: str) -> None:
    job = JOBS[name]
    assert ("uses" in job) or 0 < job["timeout-minutes"] <= 120


@pytest.mark.parametrize("name", TEXTS)
def test_actions_of_others_are_pinned_by_commit_and_name_their_version(name: str) -> None:
    for line in re.findall(r"uses: (.+)$", TEXTS[name], re.MULTILINE):
        action, _, version = line.partition(" # ")
        if action.startswith("./"):
            assert (REPOSITORY / action).exists()
        else:
            assert PINNED.fullmatch(action)
            assert re.fullmatch(r"v\d+\.\d+\.\d+", version)


def test_one_action_has_one_version_everywhere() -> None:
    used = {step["uses"] for _, step in steps() if PINNED.fullmatch(step.get("uses", ""))}
    assert len({each.split("@")[0] for each in used}) == len(used)


def test_no_job_keeps_the_token_that_checked_it_out() -> None:
    for name, step in steps():
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False, name


# A step that reads a source of models has the secrets of private ones.
READS_SOURCES = ("scripts.workflow.check_updates", "scripts.refresh ")
OF_SOURCES = {name for _, kind in SCHEMES.values() for name in kind.variables}


@pytest.mark.parametrize("name", TEXTS)
def test_there_is_no_secret_but_the_token_of_the_job_and_those_of_sources(name: str) -> None:
    assert set(re.findall(r"secrets\.(\w+)", TEXTS[name])) <= {"GITHUB_TOKEN", *OF_SOURCES}
    assert "aws-secret-access-key" not in TEXTS[name]
    assert "secrets: inherit" not in TEXTS[name]


def test_secrets_reach_exactly_the_steps_that_read_sources_of_models() -> None:
    reading = 0
    for name, step in steps():
        handed = OF_SOURCES & {*step.get("env", {})}
        reads = any(command in step.get("run", "") for command in READS_SOURCES)
        assert handed == (OF_SOURCES if reads else set()), name
        assert not OF_SOURCES & {*re.findall(r"secrets\.(\w+)", str(step))} - handed, name
        reading += reads
    assert reading == 2
    for name, job in JOBS.items():
        assert not OF_SOURCES & {*job.get("env", {}), *job.get("secrets", {})}, name


def test_the_variables_that_a_source_names_are_those_that_its_module_speaks_of() -> None:
    for _, kind in SCHEMES.values():
        source = inspect.getsource(sys.modules[kind.__module__])
        spoken = set(re.findall(r"\b(?:HF|MLFLOW|WANDB)_[A-Z_]+\b", source))
        assert spoken == set(kind.variables), kind.__name__


def test_roles_are_assumed_by_oidc_and_only_where_a_job_may() -> None:
    for name, job in JOBS.items():
        used = [step.get("uses", "") for step in job.get("steps", ())]
        if any(each.startswith("aws-actions/configure-aws-credentials@") for each in used):
            assert job["permissions"]["id-token"] == "write", name


@pytest.mark.parametrize(("name", "script"), RUNS)
def test_a_step_runs_one_make_target_or_one_command_that_is_there(name: str, script: str) -> None:
    line = script.replace("\\\n", " ").strip()
    assert "\n" not in line
    command, target = COMMAND.match(line), MAKE.fullmatch(line)
    assert command or target, name
    if command:
        assert importlib.util.find_spec(command[1])
        assert _has_a_test(command[1])
    if target and target[1] != "$TARGETS":
        assert re.search(rf"^{target[1]}:", _makefile(), re.MULTILINE)


def test_what_the_setup_installs_are_targets_of_make() -> None:
    for name, step in steps():
        if step.get("uses") == "./.github/actions/setup":
            for target in re.findall(r"[\w./-]*\.venv/[.\w]+|build/\S+", step["with"]["targets"]):
                rule = re.escape(target.replace(".venv", "$(VENV)"))
                assert re.search(rf"^{rule}:", _makefile(), re.MULTILINE), name


@pytest.mark.parametrize(("name", "script"), RUNS)
def test_no_expression_is_pasted_into_a_shell(name: str, script: str) -> None:
    assert "${{" not in script


def test_what_deploys_a_stage_is_refused_once_another_release_was_made() -> None:
    assert {name.split("/")[0] for name in RELEASES} == {"deploy", "refresh-model"}
    called = [name for name, job in JOBS.items() if "scripts.deploy " in str(job)]
    assert called == ["release/deploy"], "or it is not guarded"
    (step,) = (s for s in JOBS["release/deploy"]["steps"] if "scripts.deploy " in s.get("run", ""))
    assert '--after "$AFTER"' in step["run"]
    assert step["env"]["AFTER"] == "${{ needs.models.outputs.after }}"


def test_nothing_that_deploys_is_cancelled() -> None:
    deploying = [*RELEASES.values(), JOBS["rollback/rollback"], JOBS["release/deploy"]]
    groups = [job["concurrency"] for job in deploying if "concurrency" in job]
    groups += [
        document["concurrency"] for document in WORKFLOWS.values() if "concurrency" in document
    ]
    releases = [each for each in groups if not each["group"].startswith("ci-")]
    assert len(releases) >= 3
    assert all(each["cancel-in-progress"] is False for each in releases)


def test_a_job_that_waits_for_approval_holds_no_group_that_others_wait_for() -> None:
    """GitHub lets a waiting job keep its concurrency group."""
    approved = RELEASES["deploy/prod"]
    assert approved["with"]["environment"] == "prod"
    assert "concurrency" not in approved
    for name in ("release/deploy", "release/function", "release/server"):
        assert "concurrency" not in JOBS[name]
    assert "concurrency" not in WORKFLOWS["release"]
    assert "concurrency" not in WORKFLOWS["deploy"]


def test_no_model_that_breaks_holds_the_release_of_another_up() -> None:
    """GitHub skips jobs of a called workflow where any job before the call failed."""
    refresh = WORKFLOWS["refresh-model"]["jobs"]
    assert refresh["judge"]["continue-on-error"] is True
    assert refresh["judge"]["strategy"]["fail-fast"] is False
    assert not any("report" in job.get("needs", []) for job in refresh.values()), "it may be red"


def test_only_main_is_deployed() -> None:
    assert WORKFLOWS["deploy"]["on"]["push"]["branches"] == ["main"]
    triggers = {name: set(document["on"]) for name, document in WORKFLOWS.items()}
    assert triggers.pop("ci") == {"pull_request", "push", "schedule", "workflow_call"}
    # Whose role reaches stages pr-N in the sandbox alone.
    assert triggers.pop("preview") == {"pull_request", "schedule", "workflow_dispatch"}
    assert set.union(*triggers.values()) == {
        "push",
        "schedule",
        "workflow_call",
        "workflow_dispatch",
    }


def test_what_is_configured_nowhere_asks_for_no_role() -> None:
    """scripts.workflow.plan decides that for jobs, and for those that need them."""
    for name, job in JOBS.items():
        workflow = WORKFLOWS[name.split("/")[0]]["jobs"]
        if job["permissions"].get("id-token") and "steps" in job and workflow.get("plan"):
            chain, needs = [job], job.get("needs", [])
            while needs:
                each = workflow[needs if isinstance(needs, str) else needs[-1]]
                chain.append(each)
                needs = each.get("needs", [])
            conditions = [part for each in chain for part in str(each.get("if")).split(" && ")]
            assert "needs.plan.outputs.configured == 'true'" in conditions, name


def test_the_job_that_people_approve_is_the_one_that_deploys() -> None:
    """Its environment is in the subject that the role trusts: no approval, no credentials."""
    deploy = WORKFLOWS["deploy"]["jobs"]["prod"]
    assert deploy["needs"] == ["ci", "dev"]
    assert deploy["if"] == "needs.dev.outputs.released == 'true'"
    job = JOBS["release/deploy"]
    assert job["environment"]["name"] == "${{ inputs.environment }}"
    (role,) = (s["with"]["role-to-assume"] for s in job["steps"] if "role-to-assume" in str(s))
    chosen = "inputs.unattended && needs.plan.outputs.refresh-deploy-role"
    assert role == f"${{{{ {chosen} || needs.plan.outputs.deploy-role }}}}"


def test_only_the_refresh_deploys_unattended_and_in_an_environment_of_its_own() -> None:
    unattended = {name for name, job in RELEASES.items() if job["with"].get("unattended")}
    assert unattended == {"refresh-model/release"}
    environments = {name: job["with"]["environment"] for name, job in RELEASES.items()}
    assert environments["refresh-model/release"] == "prod-refresh"
    assert list(environments.values()).count("prod-refresh") == 1


def test_the_environments_are_those_that_roles_trust() -> None:
    from infra.configuration.deployment import Deployment
    from infra.stages import PROJECT, STAGES

    trusted = {
        stage.name: [name for each in stage.job_environments.values() for name in each]
        for stage in STAGES
    }
    for job in RELEASES.values():
        assert job["with"]["environment"] in trusted[job["with"]["stage"]]
    stages = WORKFLOWS["rollback"]["on"]["workflow_dispatch"]["inputs"]["stage"]["options"]
    account = "123456789012"
    for stage in (each for each in STAGES if each.name in stages):
        deployed = Deployment(PROJECT, replace(stage, account=account))
        found = outputs(deployed, STAGES)["rollback_environment"]
        assert found in trusted[stage.name]
    assert len(stages) == 2


# What release.yml and build-image.yml ask of the commit that a refresh builds, as of an INTERFACE.
CALLED = {
    2: {
        "scripts.build": "--build-flags --image --models --outputs --stage",
        "scripts.deploy": "--after --function-image --images-only --models --outputs "
        "--server-image --stage",
        "scripts.workflow.choose_models": "--models --outputs --stage",
        "scripts.workflow.free_disk": "--gigabytes",
        "scripts.workflow.plan": "--outputs --stage",
        "scripts.workflow.scan": "--function-image --report --server-image --stage",
        "scripts.workflow.verify_provenance": "--function-image --server-image --stage",
        "outputs": "after configured deploy_role function_image function_repository "
        "function_runner models push_role refresh_deploy_role region server_image "
        "server_repository server_runner server_variant url",
    }
}


def test_a_refresh_asks_nothing_of_a_released_commit_that_it_may_not_have() -> None:
    """Anything new here fails, at prod's commit, until prod is released: better do without.

    Where it must be, raise INTERFACE, so that the refresh says so in one line, and write the new
    state down here and in docs/upgrading.md.
    """
    called: dict[str, str] = {}
    read: set[str] = set()
    for workflow in ("release", "build-image"):
        read |= {*re.findall(r"steps\.\w+\.outputs\.(\w+)", TEXTS[f"workflows/{workflow}.yml"])}
        for job in WORKFLOWS[workflow]["jobs"].values():
            for script in (step["run"] for step in job.get("steps", ()) if "run" in step):
                command = COMMAND.match(script)
                assert command
                options = re.findall(r"[ +](--[a-z-]+)", re.sub('"[^"]*"', "", script))
                called[command[1]] = " ".join(sorted({*options}))
    assert {**called, "outputs": " ".join(sorted(read))} == CALLED[INTERFACE]


def test_a_rollback_waits_neither_for_a_reviewer_nor_for_a_queue_of_releases() -> None:
    jobs = WORKFLOWS["rollback"]["jobs"]
    assert jobs["rollback"]["environment"] == "${{ needs.plan.outputs.environment }}"
    assert "rollback_environment" in jobs["plan"]["outputs"]["environment"]
    assert jobs["rollback"]["concurrency"]["group"] == "rollback-${{ inputs.stage }}"


def test_a_rollback_has_the_commits_of_all_releases_and_so_their_templates() -> None:
    checkout = JOBS["rollback/rollback"]["steps"][0]
    assert checkout["with"]["fetch-depth"] == 0


def test_schedules_start_at_an_odd_minute() -> None:
    for name in ("refresh-model", "drift", "ci", "preview", "nightly"):
        (schedule,) = WORKFLOWS[name]["on"]["schedule"]
        minute, *_ = schedule["cron"].split()
        assert int(minute) % 2
        assert int(minute) % 5


def test_every_supported_python_is_tested_and_that_of_the_images_is_among_them() -> None:
    versions = python_versions("pull_request")
    assert python_versions("push") == [ACTIONS["setup"]["inputs"]["python-version"]["default"]]
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={versions[0]}"
    minors = [int(version.removeprefix("3.")) for version in versions]
    assert minors == list(range(minors[0], minors[-1] + 1))
    base = re.search(r":(\d\.\d+)", pinned(REPOSITORY / "Dockerfile.lambda"))
    assert base
    assert base[1] in versions
    assert ACTIONS["setup"]["inputs"]["python-version"]["default"] in versions


def test_int8_is_held_against_full_precision_on_both_processors() -> None:
    from scripts.workflow.plan import RUNNERS

    job = WORKFLOWS["ci"]["jobs"]["int8"]
    assert set(job["strategy"]["matrix"]["runner"]) == set(RUNNERS.values())
    assert job["steps"][-1]["run"] == "make parity"


@pytest.mark.parametrize(
    ("variable", "file", "image"),
    [
        ("LAMBDA_BASE_IMAGE", "Dockerfile.lambda", "public.ecr.aws/lambda/python:"),
        ("SERVER_BASE_IMAGE", "Dockerfile.ecs-gpu", "public.ecr.aws/docker/library/python:"),
    ],
)
def test_containers_are_built_on_the_bases_that_the_images_pin(variable, file, image) -> None:
    """By a digest on a FROM line, where Dependabot sees it, and from a registry without limits."""
    assert WORKFLOWS["ci"]["jobs"]["container"]["env"][variable] == file
    assert pinned(REPOSITORY / file).startswith(image)
    text = (REPOSITORY / file).read_text()
    assert "ARG BASE_IMAGE=base\n" in text
    sources = re.findall(r"^FROM (\S+)", text, re.M)
    assert set(sources) - {"${BASE_IMAGE}", "scratch", "dependencies"} == {
        pinned(REPOSITORY / file)
    }


def test_dependabot_checks_where_versions_are_written_down() -> None:
    document = yaml.safe_load((FOLDER / "dependabot.yml").read_text())
    places = {
        each["package-ecosystem"]: each.get("directories", [each.get("directory")])
        for each in document["updates"]
    }
    locks = {f"/{path.parent.name}" for path in REPOSITORY.glob("*/requirements*.txt")}
    assert set(places["pip"]) == {"/", *locks}
    assert set(places) == {"pip", "npm", "github-actions", "docker"}
    assert all(each["groups"] for each in document["updates"])


def _makefile() -> str:
    return (REPOSITORY / "Makefile").read_text()


def _has_a_test(module: str) -> bool:
    """Return whether a test imports a command's module or calls it by its name."""
    package, _, name = module.rpartition(".")
    used = re.compile(rf"{package} import [^\n]*\b{name}\b|{module}\b|[(\[] ?\"{name}\"")
    return any(
        used.search(path.read_text())
        for path in (REPOSITORY / "tests").rglob("test_*.py")
        if path.parent.name != "workflows"
    )
