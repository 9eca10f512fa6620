"""Which of the models that were judged go live together."""

import json
import sys

import pytest

from scripts.gate.outcome import GateOutcome
from scripts.refresh.refresh import Refresh
from scripts.workflow import select_passed


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the command after refreshes that ended so; what it prints, and its outputs."""

    def command(**versions):
        judged, file = tmp_path / "judged", tmp_path / "outputs"
        judged.mkdir()
        for model, version in versions.items():
            (judged / f"{model}.json").write_text(json.dumps(refreshed(model, version).document()))
            (judged / f"{model}.md").write_text("# the report")
        monkeypatch.setattr(
            sys, "argv", ["passed", "--judged", str(judged), "--outputs", str(file)]
        )
        select_passed.main()
        return capsys.readouterr().out, file.read_text()

    return command


def refreshed(model, version):
    verdict = GateOutcome.REFUSED if version == "refused" else GateOutcome.PASSED
    return Refresh(
        model,
        "registry",
        version,
        changed=verdict is GateOutcome.PASSED,
        version=version,
        digest="d",
        previous=None,
        verdict=verdict,
        reasons=[],
        decided=True,
        report="",
    )


def test_all_that_passed_are_one_release(run) -> None:
    both = "ner=20261121-2b45b392,sentiment=20261121-628c0adf"
    said = run(sentiment="20261121-628c0adf", ner="20261121-2b45b392")
    assert said == (f"{both}\n", f"models={both}\n")


def test_what_was_refused_stays_behind_alone(run) -> None:
    assert run(sentiment="refused", ner="20261121-2b45b392")[1] == "models=ner=20261121-2b45b392\n"


def test_where_none_passed_there_is_nothing_to_release(run) -> None:
    assert run(sentiment="refused") == ("", "models=\n")


def test_nor_is_there_where_all_refreshes_broke_and_wrote_nothing(
    tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(sys, "argv", ["passed", "--judged", str(tmp_path / "absent")])
    select_passed.main()
    assert capsys.readouterr().out == ""
