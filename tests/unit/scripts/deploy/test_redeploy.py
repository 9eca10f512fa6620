"""Going back to an earlier release, and what keeps the bad one from coming again."""

import json
import sys
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from function.core.artifact import open_artifact
from infra.configuration.deployment import Deployment
from infra.stages import FULL, PROD, PROJECT
from scripts import build, redeploy
from scripts.deploy import __main__ as deploy
from scripts.deploy import delivery, history, stacks, templates
from scripts.deploy.cdk import HERE
from scripts.deploy.templates import Templates
from scripts.registry.releases import Release, list_releases
from tests.infra.options import OPTIONS
from tests.infra.scaled import SCALED
from tests.infra.synthesis import synthesise
from tests.stand_ins.account import COMMIT
from tests.tiny import write_artifact

LATER = "f" * 40
DIGESTS = ["sha256:" + pair * 32 for pair in ("ab", "cd")]


class Stage:
    """prod, as somebody delivers to it."""

    def __init__(self, line, cloud, tmp_path):
        self.line, self.cloud, self._outputs = line, cloud, tmp_path / "outputs"

    def deliver(self, model=""):
        """Build and deploy the working tree, with a version in place of production's."""
        self._outputs.unlink(missing_ok=True)
        given = ["--models", f"sentiment={model}"] if model else []
        code, _, err = self.line(build, "--stage", "prod", *given, "--outputs", str(self._outputs))
        assert code == 0, err
        built = dict(line.split("=", 1) for line in self._outputs.read_text().splitlines())
        given = ["--function-image", built["function_image"], "--models", built["models"]]
        code, _, err = self.line(deploy, "--stage", "prod", *given)
        assert code == 0, err
        return built["function_image"]

    def live(self):
        code = boto3.client("lambda").get_function(FunctionName="evergreen-prod", Qualifier="live")[
            "Code"
        ]
        return code["ImageUri"].rpartition("@")[2]

    def production(self):
        return self.cloud.registry().alias("sentiment", "production")

    def releases(self):
        return list_releases(self.cloud.registry().store, "prod")

    def publish(self, folder, value):
        artifact = open_artifact(write_artifact(folder, values={"good": value}))
        return self.cloud.registry().publish(artifact)

    def back(self, *arguments):
        return self.line(redeploy, "--stage", "prod", *arguments)


@pytest.fixture
def prod(line, cloud, source, tmp_path, monkeypatch):
    """A stage whose releases are a minute apart, with one of them made."""
    minutes = (datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=n) for n in count())
    monkeypatch.setattr(delivery, "datetime", SimpleNamespace(now=lambda _: next(minutes)))
    stage = Stage(line, cloud, tmp_path)
    code, _, err = line(deploy, "--stage", "prod", "--yes", "--registry", str(source))
    assert code == 0, err
    return stage


def test_a_newer_model_is_rolled_back_with_its_image(prod, tmp_path):
    a, first = prod.production().version, prod.live()
    b = prod.publish(tmp_path / "b", 1.0)
    second = prod.deliver(b)
    assert (prod.live(), prod.production().version) == (second, b)
    outputs = tmp_path / "happened"
    code, out, err = prod.back("--outputs", str(outputs))
    assert code == 0, err
    assert out.strip() == prod.cloud.url
    assert (prod.live(), prod.production().version) == (first, a)
    assert prod.production().withdrawn == (b,)
    assert f"function_image={first}" in outputs.read_text().splitlines()


def test_it_comes_all_at_once_and_after_the_alarms(prod, tmp_path):
    """CloudFormation keeps what they import of the other stacks."""
    prod.deliver(prod.publish(tmp_path / "b", 1.0))
    prod.back()
    watch, call = prod.cloud.cdk.calls[-2:]
    assert watch.stacks == ["evergreen-prod-watch"]
    assert call.stacks == ["evergreen-prod-function"]
    assert call.context["rollout"] == "AllAtOnce"
    assert call.context["api_key_version"] == "1"


def test_alarms_that_cannot_be_deployed_hold_up_no_rollback(prod, tmp_path):
    first = prod.live()
    prod.deliver(prod.publish(tmp_path / "b", 1.0))
    prod.cloud.cdk.failing = "evergreen-prod-watch"
    code, _, err = prod.back()
    assert code == 0, err
    assert "note: evergreen-prod-watch stays as it is" in err
    assert prod.live() == first


def test_the_templates_come_back_with_the_images(prod):
    prod.line.on(LATER)
    prod.deliver()
    code, _, err = prod.back()
    assert code == 0, err
    assert f"templates: of commit {COMMIT}" in err
    synth, *deploys = prod.cloud.cdk.calls[-3:]
    assert (synth.command, [each.command for each in deploys]) == ("synth", ["deploy"] * 2)
    assert [each.folder.name for each in (synth, *deploys)] == [COMMIT] * 3
    assert prod.line.git.worktrees == []


def test_a_commit_that_changed_templates_alone_is_rolled_back(prod):
    """It has the same image, and is a release of its own all the same."""
    image = prod.live()
    prod.line.on(LATER, changed="templates")
    assert prod.deliver() == image
    code, _, err = prod.back()
    assert code == 0, err
    assert prod.cloud.cdk.calls[-1].folder.name == COMMIT
    first, _, last = prod.releases()
    assert (last.commit, last.deployed) == (COMMIT, first.deployed)
    code, _, err = prod.line(build, "--stage", "prod")
    assert code == 1
    assert f"{LATER[:12]} was rolled back from prod" in err


def test_a_shallow_clone_that_lacks_the_commit_fetches_it(prod):
    prod.line.on(LATER)
    prod.deliver()
    prod.line.git.commits, prod.line.git.remote = {LATER}, {COMMIT}
    assert prod.back()[0] == 0
    assert prod.cloud.cdk.calls[-1].folder.name == COMMIT


@pytest.mark.parametrize(
    ("commit", "says"),
    [
        (f"{COMMIT}-dirty", f"it was deployed from files that are in no commit ({COMMIT}-dirty)"),
        ("e" * 40, f"its commit {'e' * 40} is none that this checkout stands on"),
        ("--upload-pack=a-program-of-forty-letters", "in no commit (--upload-pack="),
    ],
)
def test_templates_that_are_nowhere_hold_up_no_rollback_and_are_named(prod, commit, says):
    prod.line.on(commit)
    second = prod.deliver()
    prod.line.on(LATER)
    prod.deliver()
    prod.line.git.commits.discard(commit)
    code, _, err = prod.back()
    assert code == 0, err
    assert says in err
    assert f"templates: of this checkout, commit {LATER}" in err
    assert prod.cloud.cdk.calls[-1].folder == Path()
    assert prod.live() == second


def test_current_templates_are_taken_where_they_are_asked_for(prod):
    first = prod.live()
    prod.line.on(LATER)
    prod.deliver()
    code, _, err = prod.back("--current-templates")
    assert code == 0, err
    assert f"templates: of this checkout, commit {LATER}" in err
    assert {each.folder for each in prod.cloud.cdk.calls} == {Path()}
    assert prod.live() == first


def test_templates_that_cannot_be_synthesised_stop_it_before_anything_moves(prod):
    prod.line.on(LATER)
    second = prod.deliver()
    prod.cloud.cdk.failing = "synth"
    code, _, err = prod.back()
    assert code == 1
    assert "nothing was deployed: --current-templates takes those of this checkout" in err
    assert prod.cloud.cdk.calls[-1].command == "synth"
    assert prod.live() == second
    assert prod.line.git.worktrees == []


def test_templates_of_another_cdk_are_synthesised_with_it(prod, monkeypatch):
    commands: list[list[str]] = []

    def installed(command, **_):
        commands.append(command)
        return SimpleNamespace(returncode=0)

    prod.line.on(LATER)
    prod.deliver()
    prod.line.git.lock = b"aws-cdk-lib==1.0"
    monkeypatch.setattr(templates, "subprocess", SimpleNamespace(run=installed))
    with templates.templates_of(prod.releases()[0], Deployment(PROJECT, PROD)) as found:
        folder, python = found.app
    assert python == str(folder / ".venv/bin/python")
    make, install = commands
    assert make == [sys.executable, "-m", "venv", str(folder / ".venv")]
    assert install[0] == python
    assert install[-2:] == ["-r", str(folder / "infra/requirements.txt")]


def test_stacks_that_the_release_did_not_have_stay(monkeypatch, capfd):
    asked: list[str] = []
    monkeypatch.setattr(history, "require_image", lambda *_: None)
    monkeypatch.setattr(history, "deliver", lambda *_, names, **__: asked.extend(names))
    release = Release("full", "c", DIGESTS[0], {"sentiment": "v"}, "2026-11-01", DIGESTS[1])
    found = Templates(HERE, ["evergreen-full-function", "evergreen-full-service"])
    history.roll_back(None, Deployment(PROJECT, FULL), release, found)  # type: ignore[arg-type]
    assert asked == found.stacks
    assert f"evergreen-full-bulk stays as it is: {release.name} has none" in capfd.readouterr().err


@pytest.mark.parametrize("stage", [PROD, *OPTIONS, *SCALED], ids=lambda stage: stage.name)
def test_every_stack_whose_template_names_the_image_goes_back(stage, monkeypatch):
    """Else bulk scoring would go on with the model that was withdrawn."""
    asked: list[str] = []
    monkeypatch.setattr(history, "require_image", lambda *_: None)
    monkeypatch.setattr(history, "deliver", lambda *_, names, **__: asked.extend(names))
    monkeypatch.setattr(stacks, "deploy", lambda *_, **__: None)
    release = Release(stage.name, "c", DIGESTS[0], {"sentiment": "v"}, "2026-11-01", DIGESTS[1])
    deployment = Deployment(PROJECT, stage)
    found = Templates(HERE, stacks.names(deployment))
    history.roll_back(None, deployment, release, found)  # type: ignore[arg-type]
    function, server = DIGESTS
    assembly = synthesise(PROJECT, [stage], function_image=function, server_image=server)
    naming = [
        name
        for name, template in assembly.templates.items()
        if any(digest in json.dumps(template) for digest in DIGESTS)
    ]
    assert sorted(asked) == sorted(naming)


def test_a_canary_under_way_is_stopped_and_what_it_was_to_replace_stays(
    prod, tmp_path, monkeypatch
):
    first, b = prod.live(), prod.publish(tmp_path / "b", 1.0)
    second = prod.deliver(b)
    stopped: list[dict[str, Any]] = []
    statuses = iter(["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"])
    codedeploy = boto3.client("codedeploy")
    under_way = ["d-1"]
    monkeypatch.setattr(
        codedeploy, "list_deployments", lambda **_: {"deployments": under_way[len(stopped) :]}
    )
    monkeypatch.setattr(codedeploy, "stop_deployment", lambda **asked: stopped.append(asked))
    monkeypatch.setattr(stacks, "in_progress", lambda *_: next(statuses, ""))
    monkeypatch.setattr(history, "PAUSE_SECONDS", 0)
    code, _, err = prod.back()
    assert code == 0, err
    assert stopped == [{"deploymentId": "d-1", "autoRollbackEnabled": True}]
    assert next(statuses, "waited") == "waited"
    assert (prod.live(), prod.production().version) == (second, b)
    assert prod.back()[0] == 0
    assert prod.live() == first


def test_each_run_goes_one_further_back_and_the_last_reports_the_end(prod, tmp_path):
    first = prod.live()
    second = prod.deliver(prod.publish(tmp_path / "b", 1.0))
    prod.deliver(prod.publish(tmp_path / "c", 3.0))
    assert prod.back()[0] == 0
    assert prod.live() == second
    assert prod.back()[0] == 0
    assert prod.live() == first
    code, _, err = prod.back()
    assert code == 1
    assert "is live, and nothing is behind it" in err
    assert prod.live() == first


def test_a_release_by_name_withdraws_all_that_came_after_it(prod, tmp_path):
    a, (oldest,) = prod.production().version, prod.releases()
    b, c = prod.publish(tmp_path / "b", 1.0), prod.publish(tmp_path / "c", 3.0)
    prod.deliver(b)
    prod.deliver(c)
    for _ in range(2):  # the same again changes nothing
        code, _, err = prod.back("--release", oldest.name)
        assert code == 0, err
        assert prod.production().version == a
        assert prod.production().withdrawn == (c, b)
        assert len(prod.releases()) == 4


def test_what_was_rolled_back_comes_again_by_its_name(prod, tmp_path):
    b = prod.publish(tmp_path / "b", 1.0)
    second = prod.deliver(b)
    name = prod.releases()[-1].name
    prod.back()
    assert prod.back("--release", name)[0] == 0
    assert prod.live() == second
    assert prod.production().version == b
    assert prod.production().withdrawn == ()


@pytest.mark.parametrize("step", ["tag_images", "record_release", "promote", "roll_back"])
def test_killed_half_way_it_is_completed_by_the_next_run(prod, tmp_path, monkeypatch, step):
    """And never goes two back where one was meant."""
    a, first = prod.production().version, prod.live()
    prod.deliver(prod.publish(tmp_path / "b", 1.0))
    prod.deliver(prod.publish(tmp_path / "c", 3.0))
    prod.back()
    second = prod.live()

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if step == "tag_images":
            patch.setattr(delivery, "tag_images", killed)
        elif step == "promote":
            patch.setattr("scripts.registry.registry.Registry.return_to", killed)
        elif step == "record_release":
            patch.setattr(history, "record_release", killed)
        else:
            patch.setattr(history, "deliver", killed)
        assert prod.back()[0] == 130
    assert prod.live() == (second if step == "roll_back" else first)
    assert prod.back()[0] == 0
    assert (prod.live(), prod.production().version) == (first, a)
    assert prod.releases()[-1].image == first


def test_what_went_live_and_never_answered_is_left_for_the_last_that_did(prod, tmp_path):
    first = prod.live()
    prod.line.on(LATER)
    prod.cloud.api.health = [503] * 6
    given = ["--stage", "prod", "--outputs", str(tmp_path / "built")]
    assert prod.line(build, *given)[0] == 0
    built = dict(line.split("=", 1) for line in (tmp_path / "built").read_text().splitlines())
    given = ["--function-image", built["function_image"], "--models", built["models"]]
    assert prod.line(deploy, "--stage", "prod", *given)[0] == 1
    assert prod.live() == built["function_image"]
    code, _, err = prod.back()
    assert code == 0, err
    assert prod.live() == first


def test_code_that_was_rolled_back_is_neither_built_nor_deployed_again_unless_it_is_meant(
    prod, tmp_path
):
    """As the scheduled refresh would, which builds what the branch ends with."""
    prod.line.on(LATER)
    bad = prod.deliver()
    prod.back()
    models = f"sentiment={prod.publish(tmp_path / 'b', 1.0)}"
    code, _, err = prod.line(build, "--stage", "prod", "--models", models)
    assert code == 1
    assert f"{LATER[:12]} was rolled back from prod: push a repair" in err
    given = ["--stage", "prod", "--function-image", bad, "--models", models]
    assert prod.line(deploy, *given)[0] == 1
    assert prod.live() != bad
    assert prod.line(build, "--stage", "prod", "--models", models, "--again")[0] == 0
    assert prod.line(deploy, *given, "--again")[0] == 0
    prod.line.on("e" * 40)
    prod.deliver()


def test_a_model_that_was_rolled_back_leaves_the_code_alone(prod, tmp_path):
    prod.deliver(prod.publish(tmp_path / "b", 1.0))
    prod.back()
    assert prod.line(build, "--stage", "prod")[0] == 0


def test_the_release_keeps_the_commit_that_was_built(prod):
    prod.line.on(LATER)
    prod.deliver()
    prod.back()
    assert [each.commit for each in prod.releases()][-2:] == [LATER, COMMIT]


def test_releases_are_listed_with_what_became_of_them(prod, tmp_path):
    prod.deliver(prod.publish(tmp_path / "b", 1.0))
    prod.back()
    code, out, _ = prod.back("--list")
    assert code == 0
    head, *rows = out.splitlines()
    assert head.split() == ["release", "commit", "models"]
    assert [row.split("  ")[-1] for row in rows] == ["live", "rolled back", "live"]


@pytest.mark.parametrize("arguments", [["--release", "20200101T000000000Z-00000000"]])
def test_a_release_that_is_not_there_is_wrong_usage(prod, arguments):
    code, _, err = prod.back(*arguments)
    assert code == 2
    assert "--list shows those that there are" in err


def test_an_image_that_ecr_has_no_more_stops_it_before_anything_moves(prod, tmp_path):
    first = prod.live()
    second = prod.deliver(prod.publish(tmp_path / "b", 1.0))
    boto3.client("ecr").batch_delete_image(
        repositoryName="evergreen/function", imageIds=[{"imageDigest": first}]
    )
    calls = len(prod.cloud.cdk.calls)
    code, _, err = prod.back()
    assert code == 1
    assert f"keeps {first} no more" in err
    assert (prod.live(), len(prod.cloud.cdk.calls)) == (second, calls)


def test_dev_goes_back_and_leaves_production_where_it_is(prod, line, tmp_path, source):
    line(deploy, "--stage", "dev", "--yes", "--registry", str(source))
    before = prod.production()
    line.on(LATER)
    assert line(deploy, "--stage", "dev", "--registry", str(source))[0] == 0
    code, _, err = line(redeploy, "--stage", "dev")
    assert code == 0, err
    assert prod.production() == before
    assert "production ->" not in err


def test_a_stage_that_was_never_deployed_has_nothing_to_go_back_to(prod, line):
    code, _, err = line(redeploy, "--stage", "dev")
    assert code == 1
    assert "evergreen-dev" in err
    assert ClientError.__name__ not in err
