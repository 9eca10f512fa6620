"""Rules for all workflows. `make check` lints them besides."""

import importlib.util
import re
import tomllib

import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.workflows.files import ACTIONS, FOLDER, PINNED, TEXTS, WORKFLOWS, jobs, steps

JOBS = dict(jobs())
RUNS = [(name, step["run"]) for name, step in steps() if "run" in step]
COMMAND = re.compile(r"(?:python3|\.venv/bin/python) -m (scripts(?:\.\w+)+)(?: |$)")
MAKE = re.compile(r"(?:sudo --preserve-env )?make (\S+)$")
RELEASES = {name: job for name, job in JOBS.items() if job.get("uses", "").endswith("release.yml")}


def test_there_are_the_workflows_that_the_documentation_names() -> None:
    assert {"ci", "build-image", "release", "deploy", "refresh-model", "rollback", "drift"} == {
        *WORKFLOWS
    }


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_begins_with_no_permissions(name: str) -> None:
    assert WORKFLOWS[name]["permissions"] == {}


@pytest.mark.parametrize("name", JOBS)
def test_a_job_has_its_own_permissions_and_may_write_no_code(name: str) -> None:
    permissions = JOBS[name]["permissions"]
    assert permissions["contents"] == "read"
    assert set(permissions) <= {"contents", "id-token", "attestations", "issues"}


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


@pytest.mark.parametrize("name", TEXTS)
def test_there_is_no_secret_but_the_token_of_the_job(name: str) -> None:
    assert set(re.findall(r"secrets\.(\w+)", TEXTS[name])) <= {"GITHUB_TOKEN"}
    assert "aws-secret-access-key" not in TEXTS[name]
    assert "secrets: inherit" not in TEXTS[name]


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


def test_what_deploys_a_stage_does_so_one_at_a_time_and_to_its_end() -> None:
    assert {name.split("/")[0] for name in RELEASES} == {"deploy", "refresh-model"}
    guarded = [(job, job["with"]["stage"]) for job in RELEASES.values()]
    guarded.append((JOBS["rollback/rollback"], "${{ inputs.stage }}"))
    for job, stage in guarded:
        assert job["concurrency"]["group"] == f"release-{stage}"
        assert job["concurrency"]["cancel-in-progress"] is False
    called = [name for name, job in JOBS.items() if "scripts.deploy " in str(job)]
    assert called == ["release/deploy"], "or it is not guarded"


def test_no_refresh_is_lost_because_others_wait_as_well() -> None:
    prod = [job for job in RELEASES.values() if job["with"]["stage"] == "prod"]
    assert len(prod) == 2
    assert all(job["concurrency"]["queue"] == "max" for job in prod)


def test_no_model_that_breaks_holds_the_release_of_another_up() -> None:
    """GitHub skips jobs of a called workflow where any job before the call failed."""
    refresh = WORKFLOWS["refresh-model"]["jobs"]
    assert refresh["judge"]["continue-on-error"] is True
    assert refresh["judge"]["strategy"]["fail-fast"] is False
    assert not any("report" in job.get("needs", []) for job in refresh.values()), "it may be red"


def test_only_main_is_deployed() -> None:
    assert WORKFLOWS["deploy"]["on"]["push"] == {"branches": ["main"]}
    triggers = {name: set(document["on"]) for name, document in WORKFLOWS.items()}
    assert triggers.pop("ci") == {"pull_request", "push", "workflow_call"}
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


def test_people_approve_prod_before_anything_of_it_is_built() -> None:
    deploy = WORKFLOWS["deploy"]["jobs"]
    assert deploy["approve"]["environment"] == "prod"
    assert deploy["prod"]["needs"] == "approve"
    assert "environment" not in deploy["prod"]
    assert deploy["plan"]["needs"] == ["ci", "dev"]


def test_the_environments_are_those_that_roles_trust() -> None:
    from infra.stages import STAGES

    trusted = {
        stage.name: [name for each in stage.job_environments.values() for name in each]
        for stage in STAGES
    }
    for job in RELEASES.values():
        assert job["with"]["environment"] in trusted[job["with"]["stage"]]
    stages = WORKFLOWS["rollback"]["on"]["workflow_dispatch"]["inputs"]["stage"]["options"]
    assert all(stage in trusted[stage] for stage in stages)


def test_schedules_start_at_an_odd_minute() -> None:
    for name in ("refresh-model", "drift"):
        (schedule,) = WORKFLOWS[name]["on"]["schedule"]
        minute, *_ = schedule["cron"].split()
        assert int(minute) % 2
        assert int(minute) % 5


def test_every_supported_python_is_tested_and_that_of_the_images_is_among_them() -> None:
    versions = WORKFLOWS["ci"]["jobs"]["test"]["strategy"]["matrix"]["python"]
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={versions[0]}"
    minors = [int(version.removeprefix("3.")) for version in versions]
    assert minors == list(range(minors[0], minors[-1] + 1))
    base = re.search(
        r"^ARG BASE_IMAGE=\S+:(\d\.\d+)", (REPOSITORY / "Dockerfile.lambda").read_text(), re.M
    )
    assert base
    assert base[1] in versions
    assert ACTIONS["setup"]["inputs"]["python-version"]["default"] in versions


def test_int8_is_held_against_full_precision_on_both_processors() -> None:
    from scripts.workflow.plan import RUNNERS

    job = WORKFLOWS["ci"]["jobs"]["int8"]
    assert set(job["strategy"]["matrix"]["runner"]) == set(RUNNERS.values())
    assert job["steps"][-1]["run"] == "make parity"


def test_containers_are_built_on_the_bases_that_the_images_name() -> None:
    environment = WORKFLOWS["ci"]["jobs"]["container"]["env"]
    for variable, file in (
        ("LAMBDA_BASE_IMAGE", "Dockerfile.lambda"),
        ("SERVER_BASE_IMAGE", "Dockerfile.ecs-gpu"),
    ):
        assert f"ARG BASE_IMAGE={environment[variable]}\n" in (REPOSITORY / file).read_text()


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
