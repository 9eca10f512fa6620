"""Which source each model has, as one variable of the repository says it."""

import pytest

from scripts.lifecycle.errors import UsageError
from scripts.lifecycle.sources.by_model import sources_by_model

SERVED = ("sentiment", "ner")


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
    assert sources_by_model(given, SERVED, SERVED) == dict(zip(SERVED, sources, strict=True))


def test_a_source_alone_is_that_of_the_one_model_that_is_wanted() -> None:
    assert sources_by_model("hub:a/b", SERVED, ["ner"]) == {"ner": "hub:a/b"}
    assert sources_by_model("sentiment=hub:a/b", SERVED, ["ner"]) == {"ner": "registry"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("hub:a/b", r"say of which: MODEL=hub:a/b, with one of sentiment, ner"),
        ("sentimnt=hub:a/b", r"names sentimnt; served are sentiment, ner"),
    ],
)
def test_a_source_of_several_models_or_of_none_is_refused(given, words) -> None:
    with pytest.raises(UsageError, match=words):
        sources_by_model(given, SERVED, SERVED)
