"""Which source each model has, as one variable of the repository says it."""

import os

import pytest

from scripts.common.errors import UsageError
from scripts.refresh.sources.location import SCHEMES, open_source, sources_by_model

SERVED = ("sentiment", "ner")
ADDRESSES = {"hub": "a/b", "dir": "a", "mlflow": "a", "wandb": "team/project/model"}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_variable_that_a_job_hands_over_empty_is_not_set(scheme, monkeypatch) -> None:
    """A secret that a repository does not have is empty."""
    variables = SCHEMES[scheme][1].variables
    for name in variables:
        monkeypatch.setenv(name, "")
    open_source(f"{scheme}:{ADDRESSES[scheme]}")
    assert not set(variables) & {*os.environ}
    for name in variables:
        monkeypatch.setenv(name, "given")
    open_source(f"{scheme}:{ADDRESSES[scheme]}")
    assert set(variables) <= {*os.environ}


@pytest.mark.parametrize(
    ("given", "sources"),
    [
        ("", ("registry", "registry")),
        ("registry", ("registry", "registry")),
        ("ner=hub:acme/ner@main", ("registry", "hub:acme/ner@main")),
        ("sentiment=hub:a/b,ner=wandb:t/p/m:v3", ("hub:a/b", "wandb:t/p/m:v3")),
        ("hub:a/b,ner=registry", ("hub:a/b", "registry")),
        ("ner=mlflow:a=b", ("registry", "mlflow:a=b")),
        ("mlflow:a=b,ner=registry", ("mlflow:a=b", "registry")),
    ],
)
def test_each_model_has_its_own_and_else_the_registry(given, sources) -> None:
    assert sources_by_model(given, SERVED, ()) == dict(zip(SERVED, sources, strict=True))


def test_a_pinned_model_has_none_and_takes_none() -> None:
    assert sources_by_model("hub:a/b", SERVED, ["ner"]) == {"sentiment": "hub:a/b"}
    assert sources_by_model("ner=hub:a/b", SERVED, ["ner"]) == {"sentiment": "registry"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("hub:a/b", r"whose is hub:a/b\? Say MODEL=hub:a/b, with one of sentiment, ner"),
        ("hub:a/b,hub:c/d", r"whose is hub:c/d\?"),
        ("sentiment=registry,hub:a/b,hub:c/d", r"whose is hub:c/d\?"),
        ("sentiment=registry,ner=hub:a/b,hub:c/d", r"whose is hub:c/d\?"),
        ("ner=hub:a/b,ner=hub:c/d", r"names ner twice"),
        ("sentimnt=hub:a/b", r"names sentimnt; served are sentiment, ner"),
    ],
)
def test_a_source_of_several_models_or_of_none_or_a_second_one_is_refused(given, words) -> None:
    with pytest.raises(UsageError, match=words):
        sources_by_model(given, SERVED, ())
