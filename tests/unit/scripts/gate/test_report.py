import json

import pytest

from function.core.artifact import open_artifact
from scripts.data.forms import FORMS
from scripts.gate.decision import run_gate
from scripts.gate.golden_set import GoldenSet
from scripts.gate.report import render_markdown, to_json
from scripts.gate.settings import GateSettings
from tests.tiny import VALUES, write_artifact

HOSTILE = "fine <script>*x*</script> | [a](b) `c`\n\n# " + "tail " * 100


@pytest.fixture(scope="module")
def judgement(tmp_path_factory):
    """A candidate that forgot the word of a hostile text."""
    folder = tmp_path_factory.mktemp("report")
    champion = write_artifact(folder / "old", max_tokens=512)
    candidate = write_artifact(folder / "new", values=VALUES | {"fine": -0.5}, max_tokens=512)
    texts = [f"good {row}" for row in range(149)] + [f"dull {row}" for row in range(150)]
    golden = GoldenSet(
        FORMS["label"], [*texts, HOSTILE], ["positive"] * 149 + ["negative"] * 150 + ["positive"]
    )
    models = open_artifact(candidate), open_artifact(champion)
    return run_gate(*models, golden, GateSettings(latency_ratio=100))


@pytest.fixture(scope="module")
def page(judgement):
    return render_markdown(judgement)


def test_the_outcome_and_every_reason_come_first(judgement, page):
    lines = [line for line in page.splitlines() if line]
    assert lines[0] == f"# sentiment {judgement.candidate.version}: {judgement.outcome}"
    reasons = lines[1 : 1 + len(judgement.reasons)]
    assert reasons == [f"- {reason}" for reason in judgement.reasons]


def test_candidate_and_champion_stand_side_by_side(page):
    assert "| accuracy | 99.67 % (" in page
    assert "| 100.00 % (" in page
    assert "| median latency, ms |" in page
    assert "| behaviour: negation | 0.50 | 0.50 |" in page


def test_the_interval_the_test_the_slices_and_the_limits_are_reported(judgement, page):
    assert "**−0.33 points**" in page
    assert "loses 1; McNemar's exact test: p = 1." in page
    assert "| label positive | 150 | 99.33 % | 100.00 % | −0.67 |" in page
    assert all(f"| {finding.requirement} |" in page for finding in judgement.findings)


def test_a_text_cannot_break_the_page(page):
    row = next(line for line in page.splitlines() if "script" in line)
    assert row.startswith(r"| fine \<script\>\*x\*\</script\> \| \[a\](b) \`c\` # tail tail")
    assert "| positive | negative 0.73 | positive 0.98 | −0.71 |" in row


def test_a_long_text_is_cut(judgement, page):
    row = next(line for line in page.splitlines() if "script" in line)
    shown = row.split(" | positive | ")[0].removeprefix("| ").replace("\\", "")
    assert len(shown) <= 200
    assert shown.endswith("…")
    assert judgement.disagreements[0].text == HOSTILE


def test_every_table_row_has_as_many_cells_as_its_header(page):
    for table in page.split("\n\n"):
        if table.startswith("|"):
            cells = {line.replace("\\|", "").count("|") for line in table.splitlines()}
            assert len(cells) == 1


def test_the_report_is_plain_json_too(judgement):
    document = json.loads(json.dumps(to_json(judgement)))
    assert document["paired"]["lost"] == 1
    assert len(document["findings"]) == len(judgement.findings)


def test_a_first_model_has_one_column(tmp_path):
    texts = [f"good {row}" for row in range(150)] + [f"dull {row}" for row in range(150)]
    golden = GoldenSet(FORMS["label"], texts, ["positive"] * 150 + ["negative"] * 150)
    first = open_artifact(write_artifact(tmp_path / "first"))
    page = render_markdown(run_gate(first, None, golden, GateSettings(floor_behaviour=0.4)))
    assert "A first model, no champion; 300 rows" in page
    assert "|  | candidate |\n| --- | --- |" in page
    assert "| label positive | 150 | 100.00 % | – | – | – |" in page
