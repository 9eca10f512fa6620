"""Images for a stage, seen to answer before anybody can pull them."""

import json
from dataclasses import replace

import boto3
import pytest

from function.core.artifact import open_artifact
from infra import stages
from infra.configuration.deployment import Deployment
from infra.configuration.service import ServiceConfiguration
from infra.stages import DEV, PROJECT
from scripts import build
from scripts.common import git
from scripts.deploy import __main__ as deploy
from scripts.deploy import builds, image
from tests.stand_ins.account import COMMIT
from tests.tiny import write_artifact
from tests.tiny_entities import write_entity_artifact

CONTENT = (
    "Dockerfile.lambda",
    "function/core/a.py",
    "function/requirements.txt",
    "scripts/compile.py",
)


@pytest.fixture
def deployed(line, source):
    """dev, once."""
    code, _, err = line(deploy, "--stage", "dev", "--yes", "--registry", str(source))
    assert code == 0, err


@pytest.fixture
def newer(cloud, deployed, tmp_path):
    """A version that nothing points at."""
    artifact = open_artifact(write_artifact(tmp_path / "newer", values={"good": 1.0}))
    return cloud.registry().publish(artifact)


@pytest.fixture
def ner(cloud, deployed, tmp_path):
    """The version in production of a second model, which finds entities."""
    artifact = open_artifact(write_entity_artifact(tmp_path / "ner"))
    version = cloud.registry().publish(artifact)
    cloud.registry().promote("ner", version, "a test")
    return version


def pushed(repository="evergreen/function"):
    details = boto3.client("ecr").describe_images(repositoryName=repository)["imageDetails"]
    return {each["imageDigest"] for each in details}


def made(cloud):
    return [call.arguments[0] for call in cloud.docker.calls]


def test_the_digest_and_the_models_are_handed_over(line, cloud, deployed, newer, tmp_path):
    files = [str(tmp_path / "outputs"), str(tmp_path / "build.json")]
    given = ["--models", f"sentiment={newer}", "--outputs", files[0], "--json", files[1]]
    before = pushed()
    code, out, err = line(build, "--stage", "dev", *given)
    assert code == 0, err
    (digest,) = pushed() - before
    assert (tmp_path / "outputs").read_text().splitlines() == [
        f"function_image={digest}",
        "server_image=",
        f"models=sentiment={newer}",
    ]
    document = json.loads((tmp_path / "build.json").read_text())
    assert document == {"models": {"sentiment": newer}, "function": digest, "server": ""}
    assert out.splitlines()[-1] == f"function_image {digest}"


def test_without_a_choice_the_models_are_those_of_the_stage(line, cloud, deployed):
    line.on("f" * 40)
    code, out, _ = line(build, "--stage", "dev")
    assert code == 0
    (version,) = cloud.registry().versions("sentiment")
    assert out.startswith(f"models sentiment={version}\n")


def test_what_is_there_is_neither_built_nor_asked_again(line, cloud, deployed):
    before = made(cloud)
    code, out, _ = line(build, "--stage", "dev")
    assert code == 0
    assert made(cloud) == before
    assert out.splitlines()[-1].removeprefix("function_image ") in pushed()


def test_the_image_runs_as_on_lambda_and_is_asked_as_by_api_gateway(line, cloud, deployed):
    run, asked = (call for call in cloud.docker.calls if call.arguments[0] in ("run", "exec"))
    assert {"--read-only", "--network=none", "--memory=1769m"} <= set(run.arguments)
    assert "--platform=linux/arm64" in run.arguments
    requests = json.loads(asked.arguments[-1])
    events = [json.loads(body) for _, body in requests]
    assert [event["version"] for event in events] == ["2.0"] * 3
    paths = ["/health/ready", "/v1/predict", "/v1/models/sentiment/predict"]
    assert [event["rawPath"] for event in events] == paths
    assert json.loads(events[1]["body"])["inputs"]


def asked(cloud):
    """The paths that the last image was asked."""
    last = [call for call in cloud.docker.calls if call.arguments[0] == "exec"][-1]
    return [json.loads(body)["rawPath"] for _, body in json.loads(last.arguments[-1])]


def test_an_image_carries_all_models_in_production_and_each_is_asked(line, cloud, ner):
    line.on("f" * 40)
    code, out, err = line(build, "--stage", "dev")
    assert code == 0, err
    (sentiment,) = cloud.registry().versions("sentiment")
    assert out.startswith(f"models ner={ner},sentiment={sentiment}\n")
    assert asked(cloud)[1:] == [
        "/v1/predict",
        *(f"/v1/models/{name}/predict" for name in ("ner", "sentiment")),
    ]


@pytest.mark.parametrize("pinned", [False, True])
def test_a_stage_picks_the_models_that_its_image_carries(line, cloud, ner, monkeypatch, pinned):
    (version,) = cloud.registry().versions("sentiment")
    picked = f"sentiment={version}" if pinned else "sentiment"
    monkeypatch.setattr(stages, "STAGES", (replace(DEV, models=(picked,)),))
    line.on("f" * 40)
    code, out, err = line(build, "--stage", "dev")
    assert code == 0, err
    assert out.startswith(f"models sentiment={version}\n")
    assert "/v1/models/ner/predict" not in asked(cloud)


def test_a_model_that_the_registry_does_not_have_cannot_be_picked(line, cloud, ner, monkeypatch):
    monkeypatch.setattr(stages, "STAGES", (replace(DEV, models=("sentiment", "topics")),))
    code, _, err = line(build, "--stage", "dev")
    assert code == 1
    assert "no version of 'topics' to deploy" in err


@pytest.mark.parametrize(("name", "path"), [("ner", "/v1/models/ner/"), ("sentiment", "/v1/")])
def test_a_model_that_answers_as_one_of_another_task_is_not_pushed(line, cloud, ner, name, path):
    before = pushed()
    cloud.docker.broken = f"task of {name}"
    line.on("f" * 40)
    code, _, err = line(build, "--stage", "dev")
    assert code == 1
    assert f"does not pass its smoke test: {path}predict answers 200" in err
    assert pushed() == before


@pytest.mark.parametrize("path", ["/health/ready", "/v1/predict", "/v1/models/sentiment/predict"])
def test_an_image_that_breaks_is_not_pushed(line, cloud, deployed, path):
    before = pushed()
    cloud.docker.broken = path
    line.on("f" * 40)
    code, _, err = line(build, "--stage", "dev")
    assert code == 1
    assert f"does not pass its smoke test: {path} answers 500" in err
    assert "what the container wrote" in err
    assert pushed() == before
    assert made(cloud)[-4:] == ["run", "exec", "logs", "rm"]


def test_an_image_with_another_version_inside_is_not_pushed(line, cloud, deployed):
    before = pushed()
    cloud.docker.version = "20200101-00000000"
    line.on("f" * 40)
    code, _, err = line(build, "--stage", "dev")
    assert code == 1
    assert "is answered by 20200101-00000000, not 20260102-" in err
    assert pushed() == before


def test_the_servers_image_is_asked_too(line, cloud, deployed, monkeypatch):
    monkeypatch.setattr(stages, "STAGES", (replace(DEV, service=ServiceConfiguration()),))
    code, out, err = line(build, "--stage", "dev")
    assert code == 0, err
    (server,) = pushed("evergreen/server")
    assert out.splitlines()[-1] == f"server_image {server}"
    asked = [call for call in cloud.docker.calls if call.arguments[0] == "exec"][-1]
    assert json.loads(asked.arguments[-1])[0][0] == "/health/ready"


def test_further_flags_reach_the_build(line, cloud, deployed):
    line.on("f" * 40)
    line(build, "--stage", "dev", "--build-flags", "--cache-from=type=gha --cache-to='type=gha'")
    flags = [call.arguments for call in cloud.docker.calls if call.arguments[0] == "buildx"]
    assert flags[-1][-3:] == ["--cache-from=type=gha", "--cache-to=type=gha", "."]


def test_one_image_is_built_where_one_is_asked_for(line, cloud, deployed, monkeypatch):
    monkeypatch.setattr(stages, "STAGES", (replace(DEV, service=ServiceConfiguration()),))
    line.on("f" * 40)
    before = pushed()
    code, out, err = line(build, "--stage", "dev", "--image", "server")
    assert code == 0, err
    (server,) = pushed("evergreen/server")
    assert out.splitlines()[1:] == [f"server_image {server}"]
    assert pushed() == before


def test_an_image_that_the_stage_does_not_have_is_wrong_usage(line, cloud, deployed):
    code, _, err = line(build, "--stage", "dev", "--image", "server")
    assert code == 2
    assert "dev has no image 'server'; it has function" in err


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A working tree with the files of an image, and with others."""
    for name in CONTENT:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / ".dockerignore").write_text("*")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tag():
    (spec,) = builds.image_specs(Deployment(PROJECT, DEV)).values()
    return image._tag(spec, {"sentiment": "20260102-aabbccdd"})


def test_an_image_is_known_by_its_content_and_not_by_its_commit(tree):
    before = tag()
    for name in ("docs/index.md", "infra/stages.py", "scripts/a.py", "function/__pycache__/a.pyc"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("changed")
    assert tag() == before
    for name in CONTENT:
        (tree / name).write_text("changed")
        before, previous = tag(), before
        assert before != previous, name


def test_an_image_of_a_job_is_never_one_of_a_laptop(tree, monkeypatch):
    """The job attests that it built the image."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    before = tag()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert tag() != before


def test_models_that_make_no_sense_start_nothing(line, cloud):
    code, _, err = line(build, "--stage", "dev", "--models", "sentiment")
    assert code == 2
    assert "models are MODEL=VERSION,... and not 'sentiment'" in err


def test_a_tree_that_differs_from_its_commit_is_no_commit():
    assert git.is_commit(COMMIT)
    assert not git.is_commit(f"{COMMIT}-dirty")
    assert not git.is_commit("unknown")
