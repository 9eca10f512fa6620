"""The models of a release, chosen once, and the release that it follows."""

from scripts import build
from scripts.deploy import __main__ as deploy
from scripts.workflow import choose_models
from tests.unit.scripts.deploy.test_redeploy import prod

__all__ = ["prod"]


def choose(prod, tmp_path, *arguments, stage="prod"):
    file = tmp_path / "chosen"
    file.unlink(missing_ok=True)
    given = ["--stage", stage, "--outputs", str(file), *arguments]
    code, _, err = prod.line(choose_models, *given)
    assert code == 0, err
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def test_models_are_those_of_the_stage_or_those_that_are_given(prod, tmp_path):
    production = prod.production().version
    (release,) = prod.releases()
    assert choose(prod, tmp_path) == {"models": f"sentiment={production}", "after": release.name}
    newer = prod.publish(tmp_path / "b", 1.0)
    given = ("--models", f"sentiment={newer}")
    assert choose(prod, tmp_path, *given)["models"] == f"sentiment={newer}"


def test_before_the_first_release_there_is_none_to_follow(prod, tmp_path):
    assert choose(prod, tmp_path, stage="dev")["after"] == "none"


def test_an_image_that_another_release_overtook_is_not_deployed(prod, tmp_path):
    """A person approved it after a refresh had brought a newer model."""
    after, old = choose(prod, tmp_path)["after"], prod.live()
    models = f"sentiment={prod.production().version}"
    newer = prod.publish(tmp_path / "b", 1.0)
    live = prod.deliver(newer)
    given = ["--function-image", old, "--models", models, "--after", after]
    code, _, err = prod.line(deploy, "--stage", "prod", *given)
    assert code == 1
    assert "was released since this image was built" in err
    assert (prod.live(), prod.production().version) == (live, newer)
    given[-1] = choose(prod, tmp_path)["after"]
    code, _, err = prod.line(deploy, "--stage", "prod", *given)
    assert code == 0, err
    assert len(prod.releases()) == 3


def test_a_commit_that_was_rolled_back_is_refused_before_anything_is_built(prod):
    prod.line.on("f" * 40)
    prod.deliver()
    assert prod.back()[0] == 0
    code, _, err = prod.line(choose_models, "--stage", "prod")
    assert code == 1
    assert "was rolled back from prod: push a repair" in err
    assert prod.line(build, "--stage", "prod")[0] == 1
