"""The gate, golden sets and figures of models that give a text a number."""

import json
import sys

import numpy as np
import pytest
from scipy.stats import spearmanr

from function.core.artifact import open_artifact
from function.core.heads import ScoreDecoding
from scripts.common.errors import DataError
from scripts.data.scored_texts import read_scored
from scripts.data.truth import TextRows
from scripts.evaluate import __main__ as evaluate_command
from scripts.evaluate.paired import compare_paired, percentile_interval
from scripts.evaluate.score_answers import ScoreAnswers, resampled_rho, spearman
from scripts.gate.decision import run_gate
from scripts.gate.golden import parse_golden, read_golden
from scripts.gate.report import render_markdown
from scripts.gate.settings import GateSettings
from tests.tiny import write_artifact

SETTINGS = GateSettings(latency_ratio=1000, size_ratio=10)
STARS = {"good": 2.0, "fine": 1.0, "dull": -1.0, "bad": -2.0}
WRONG = {"good": 2.0, "fine": -1.0, "dull": 1.0, "bad": -2.0}


def rows(count=400):
    generator = np.random.default_rng(1)
    drawn = {" ".join(generator.choice([*STARS, "the", "film", "is"], 9)): None for _ in range(999)}
    chosen = list(drawn)[:count]
    return [
        {"text": text, "score": sum(STARS.get(word, 0) for word in text.split())} for text in chosen
    ]


def golden(count=400):
    return parse_golden("\n".join(map(json.dumps, rows(count))).encode())


def model(folder, values=STARS):
    decoding = ScoreDecoding(activation="none")
    return open_artifact(
        write_artifact(folder, values=values, decoding=decoding, labels=["stars"], max_tokens=64)
    )


def test_a_golden_set_of_numbers_is_canonical():
    found = parse_golden(b'{"text": "a", "score": 1}\n{"text": "b", "score": 2.5}')
    assert found.content() == b'{"score": 1.0, "text": "a"}\n{"score": 2.5, "text": "b"}\n'
    assert parse_golden(found.content()) == found
    for wrong in (b"true", b"NaN", b'"1"'):
        with pytest.raises(DataError, match='line 1: give a "score", a number'):
            parse_golden(b'{"text": "a", "score": ' + wrong + b"}")
    with pytest.raises(DataError, match="two scores or more"):
        parse_golden(b'{"text": "a", "score": 1}')


def test_a_first_an_equal_and_a_worse_model(tmp_path):
    best, wrong = model(tmp_path / "best"), model(tmp_path / "wrong", WRONG)
    first = run_gate(best, None, golden(), SETTINGS)
    assert first.outcome == "passed"
    assert first.candidate.figures["spearman"] == 1.0
    assert first.candidate.figures["mean_absolute_error"] == 0.0
    assert run_gate(best, best, golden(), SETTINGS).outcome == "passed"
    worse = run_gate(wrong, best, golden(), SETTINGS)
    assert worse.outcome == "refused"
    assert any("Share of pairs ranked right differs" in reason for reason in worse.reasons)
    assert any(reason.startswith("Spearman's rho 0.") for reason in worse.reasons)
    page = render_markdown(worse)
    assert "| Spearman's rho | 0." in page
    assert "Calibration error: 0 scores are too few" in page


def test_a_poor_first_model_is_refused(tmp_path):
    refused = run_gate(model(tmp_path / "poor", {"the": 1.0}), None, golden(), SETTINGS)
    assert refused.outcome == "refused"
    assert any("a lower floor_spearman" in reason for reason in refused.reasons)


def answers(noise, rows=300):
    generator = np.random.default_rng(2)
    truth = generator.integers(0, 6, rows).astype(float)
    return ScoreAnswers(truth + generator.normal(0, noise, rows), truth)


def test_rho_is_scipys_and_its_interval_that_of_resampled_texts():
    found = answers(1.5)
    expected = spearmanr(found.scores, found.truth).statistic
    assert spearman(found) == pytest.approx(expected, abs=1e-9)
    generator = np.random.default_rng(5)
    drawn = generator.integers(0, 300, (1000, 300))
    rhos = [spearmanr(found.scores[row], found.truth[row]).statistic for row in drawn]
    assert percentile_interval(resampled_rho(found)) == pytest.approx(
        np.quantile(rhos, [0.025, 0.975]), abs=0.015
    )


def test_no_text_is_judged_twice_and_each_pair_has_two_scores():
    found = answers(0.5)
    partners = found.partners
    paired = partners != np.arange(len(partners))
    assert paired.mean() > 0.9
    assert (partners[partners] == np.arange(len(partners))).all()
    assert (found.truth[partners] != found.truth)[paired].all()
    assert 2 * found.judged.sum() == paired.sum()


@pytest.mark.parametrize("positive", [0.5, 0.05])
def test_one_of_two_equal_models_is_seldom_called_worse(positive):
    generator = np.random.default_rng(3)
    worse = 0
    for _ in range(200):
        truth = (generator.random(400) < positive).astype(float)
        one, other = (ScoreAnswers(truth + generator.normal(0, 0.8, 400), truth) for _ in range(2))
        judged = one.judged
        worse += compare_paired(one.right[judged], other.right[judged]).high < 0
    assert worse < 14  # 2.5 % are 5


def test_equal_answers_rank_nothing():
    found = ScoreAnswers(np.zeros(4), np.arange(4.0))
    assert spearman(found) == 0
    assert found.right.tolist() == [False] * 4


def test_other_units_change_no_rank():
    found = answers(0.5)
    other = ScoreAnswers(3 * found.scores - 7, found.truth)
    assert (other.right == found.right).all()
    assert other.right.mean() == pytest.approx(0.95, abs=0.04)


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_numbers_are_read_from_every_format(tmp_path, name):
    lines = {
        "rows.csv": "text,score\na,1\nb,-2.5e1\n",
        "rows.jsonl": '{"text": "a", "score": 1}\n{"text": "b", "score": -25}\n',
    }
    (tmp_path / name).write_text(lines[name])
    assert read_scored(tmp_path / name) == TextRows(["a", "b"], [1.0, -25.0])


@pytest.mark.parametrize(
    ("content", "said"),
    [("a,x\n", "row 1: 'x' in score is no number"), ("a,nan\n", "'nan'"), ("a,1\nb,1\n", "same")],
)
def test_what_cannot_be_ranked_is_named(tmp_path, content, said):
    (tmp_path / "rows.csv").write_text("text,score\n" + content)
    with pytest.raises(DataError, match=said):
        read_golden(tmp_path / "rows.csv", "text-classification", ["stars"], answer_key="score")


def test_it_is_evaluated_by_its_ranks(tmp_path, monkeypatch):
    data, report = tmp_path / "rows.jsonl", tmp_path / "report.json"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows(40)))
    line = ["evaluate", "--artifact", str(model(tmp_path / "m").path), "--data", str(data)]
    monkeypatch.setattr(sys, "argv", [*line, "--json", str(report)])
    evaluate_command.main()
    assert json.loads(report.read_text())["spearman"] == 1.0
