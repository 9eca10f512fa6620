"""scripts.drift and scripts.report, as people and workflows run them."""

import importlib
import json
import sys

import boto3
import pytest

from scripts.common.command_line import run
from scripts.drift.distributions import FEWEST_TEXTS, TOKENS
from scripts.drift.log_lines import write_parquet
from scripts.drift.wording import ADVICE
from tests.commands import REPOSITORY
from tests.predictions import VERSION, log_lines

ALIAS = REPOSITORY / "registry/sentiment/aliases/production.json"
REGISTRY = ("--registry", str(REPOSITORY / "registry"), "--model", "sentiment")


MODULES = {"drift": "scripts.drift.__main__", "report": "scripts.report"}


@pytest.fixture
def command(monkeypatch):
    """Run a command's main function; returns its exit code."""

    def of(name, *arguments):
        main = importlib.import_module(MODULES[name]).main
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        try:
            run(main)
        except SystemExit as end:
            return end.code
        return 0

    return of


@pytest.fixture
def log(tmp_path):
    """Write a log of the version in production; returns its file."""
    version = json.loads(ALIAS.read_text())["version"]

    def of(name, count, **kind):
        path = tmp_path / f"{name}.parquet"
        lines = [
            {**line, "version": version} if "version" in line else line
            for line in log_lines(count, **kind)
        ]
        path.write_bytes(write_parquet(lines))
        return path

    return of


def test_traffic_like_that_of_the_good_week_ends_with_0(command, log, capsys):
    good, now = log("good", 1000, seed=1), log("now", 200, seed=2)
    assert command("drift", *REGISTRY, "--log", now, "--reference", good) == 0
    assert capsys.readouterr().out.startswith("sentiment: no drift in 200 texts")


def test_drift_ends_with_3_and_all_reports_are_written_all_the_same(
    command, log, tmp_path, capsys, aws
):
    now, output, figures = log("now", 300, tokens=12, right=0.8), tmp_path / "d", tmp_path / "f"
    options = ("--output", output, "--json", figures)
    metrics = ("--cloudwatch", "Evergreen", "--service", "drifting")
    assert command("drift", *REGISTRY, "--log", now, *options, *metrics) == 3
    said = capsys.readouterr()
    assert "sentiment: drift in 300 texts" in said.out
    assert ADVICE[TOKENS] in said.out
    assert said.err.endswith(f"error: {said.out.splitlines()[0]}\n")
    assert json.loads(figures.read_text())["sentiment"]["verdict"] == "drift"
    kept = {each.name for each in (output / "sentiment").iterdir()}
    assert {"report.html", "report.json", "tokens.png"} <= kept
    listed = boto3.client("cloudwatch").list_metrics(
        Namespace="Evergreen", Dimensions=[{"Name": "service", "Value": "drifting"}]
    )
    names = {each["MetricName"] for each in listed["Metrics"]}
    assert {"drift", "psi_tokens", "accuracy"} <= names


def of_model(lines, model):
    """Lines as another model would have left them, with ids of their own."""
    alias = REPOSITORY / f"registry/{model}/aliases/production.json"
    version = json.loads(alias.read_text())["version"]
    return [
        {**each, "id": f"{model}-{each['id']}", "model": model, "version": version}
        for each in lines
    ]


@pytest.fixture
def both(tmp_path):
    """Write a log of two models, as one function leaves it; returns its file."""

    def of(name, sentiment, lstm):
        path = tmp_path / f"{name}.parquet"
        lines = [*of_model(sentiment, "sentiment"), *of_model(lstm, "sentiment-lstm")]
        path.write_bytes(write_parquet(lines))
        return path

    return of


STAGE = ("--registry", REPOSITORY / "registry", "--stage", "prod")


def test_of_a_stage_every_model_is_held_against_its_own_lines(command, both, tmp_path, capsys):
    good = both("good", log_lines(600, seed=1), log_lines(600, seed=2, tokens=30))
    now = both("now", log_lines(200, seed=3), log_lines(200, seed=4))
    output, figures = tmp_path / "d", tmp_path / "f"
    options = ("--reference", good, "--output", output, "--json", figures)
    assert command("drift", *STAGE, "--log", now, *options) == 3
    said = capsys.readouterr()
    assert "sentiment: no drift in 200 texts" in said.out
    assert said.err.splitlines()[-1].startswith("error: sentiment-lstm: drift in 200 texts")
    verdicts = {model: each["verdict"] for model, each in json.loads(figures.read_text()).items()}
    assert verdicts == {"sentiment": "no drift", "sentiment-lstm": "drift"}
    assert {each.name for each in output.iterdir()} == set(verdicts)


def test_a_model_of_which_the_reference_has_too_little_is_named_and_holds_none_up(
    command, both, capsys
):
    good = both("good", log_lines(600, seed=1), log_lines(10, seed=2))
    now = both("now", log_lines(200, seed=3), log_lines(200, seed=4))
    assert command("drift", *STAGE, "--log", now, "--reference", good) == 0
    said = capsys.readouterr().out
    assert "sentiment: no drift in 200 texts" in said
    for model, texts in (("sentiment-lstm", 10), ("ner", 0)):
        assert f"{model}: passed over: {good}: {texts} predictions are too few" in said


def test_where_the_reference_has_too_little_of_any_model_it_is_wrong(command, both, capsys):
    few = both("few", log_lines(10, seed=1), log_lines(10, seed=2))
    assert command("drift", *STAGE, "--log", few, "--reference", few) == 2
    assert "too few for a reference" in capsys.readouterr().err


def test_a_window_with_nothing_in_it_is_quiet(command, log, capsys):
    now = log("now", 300)
    assert command("drift", *REGISTRY, "--log", now, "--since", "1h") == 0
    assert "0 texts are too few to judge" in capsys.readouterr().out


def test_answers_of_another_version_are_skipped_and_counted(command, tmp_path, capsys):
    path = tmp_path / "log.jsonl"
    lines = [{**line, "version": "20260101-00000000"} for line in log_lines(80)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"log": "feedback",')
    assert command("drift", *REGISTRY, "--log", path) == 0
    said = capsys.readouterr()
    assert "0 texts are too few" in said.out
    assert "80 predictions of other versions" in said.err
    assert "1 damaged lines" in said.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--cloudwatch", "Evergreen"), "belong together"),
        (("--since", "soon"), "give a stretch"),
        (("--reference", "absent"), "no such file"),
    ],
)
def test_what_makes_no_sense_ends_with_2_and_says_why(command, log, capsys, options, words):
    assert command("drift", *REGISTRY, "--log", log("now", 60), *options) == 2
    assert words in capsys.readouterr().err


def test_a_reference_of_few_texts_ends_with_2(command, log, capsys):
    few, now = log("few", FEWEST_TEXTS - 1), log("now", 60, seed=1)
    assert command("drift", *REGISTRY, "--log", now, "--reference", few) == 2
    assert "too few for a reference" in capsys.readouterr().err


def test_a_model_that_is_not_in_production_ends_with_1(command, log, capsys):
    arguments = ("--registry", REPOSITORY / "registry", "--model", "absent")
    assert command("drift", *arguments, "--log", log("now", 60)) == 1
    assert "nothing is in production" in capsys.readouterr().err


def test_a_report_says_where_it_was_recorded(command, log, tmp_path, capsys, monkeypatch):
    calls = []

    def recorded(*arguments):
        calls.append(arguments)
        return "the-run"

    monkeypatch.setattr("scripts.report.track", recorded)
    code = command("report", *REGISTRY, "--log", log("now", 60), "--folder", tmp_path / "kept")
    assert code == 0
    ((found, tracker, folder),) = calls
    assert (found.version, tracker, len(found.log)) == (VERSION, "mlflow", 60)
    assert folder.is_dir()
    assert capsys.readouterr().out.startswith("mlflow run the-run\nsentiment: ")


def test_a_model_that_embeds_is_checked_by_the_lengths_of_its_texts(command, tmp_path, capsys):
    version = json.loads(ALIAS.read_text())["version"]
    answer = ("label", "stage", "score", "margin")

    def vectors(name, count, **kind):
        lines = [
            {name: value for name, value in line.items() if name not in answer}
            | {"version": version, "labels": {}}
            for line in log_lines(count, **kind)
        ]
        (tmp_path / name).write_bytes(write_parquet(lines))
        return tmp_path / name

    good, now = vectors("good.parquet", 1000, seed=1), vectors("now.parquet", 200, seed=2)
    assert command("drift", *REGISTRY, "--log", now, "--reference", good) == 0
    assert capsys.readouterr().out.startswith("sentiment: no drift in 200 texts")
