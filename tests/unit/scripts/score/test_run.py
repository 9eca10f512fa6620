"""A run that is killed, anywhere, and goes on: no row twice, none lost, the same files."""

import json
import sys

import pytest

from scripts.common.command_line import run
from scripts.common.errors import CommandError, UsageError
from scripts.score import __main__ as score_command
from scripts.score import journal as journals
from scripts.score import run as runs
from scripts.score.journal import Journal
from scripts.score.run import Files, open_files, score_file
from tests.unit.scripts.score.doubles import KilledError, LengthScorer

ROWS = 26  # of which the last chunk of four is not full


@pytest.fixture
def files(tmp_path):
    lines = ["id,text", *(f"{row},{'x' * (row + 1)}" for row in range(ROWS))]
    lines[8] = "7,"
    (tmp_path / "in.csv").write_text("\n".join(lines) + "\n")
    return Files(tmp_path / "in.csv", tmp_path / "out.csv")


def score(files, **options):
    scorer = LengthScorer(**options)
    return score_file(files, open_files(files), scorer), scorer


def whole(files):
    """Both files of a run that nothing disturbed."""
    other = Files(files.source, files.output.with_name("whole.csv"))
    score(other)
    return other.output.read_bytes(), other.rejected.read_bytes()


def written(files):
    return files.output.read_bytes(), files.rejected.read_bytes()


@pytest.mark.parametrize("row", [0, 3, 4, 5, 23, 25])
def test_a_killed_run_goes_on_and_gives_the_same_files(files, row):
    with pytest.raises(KilledError):
        score(files, killed_at=row)
    assert not files.output.exists()
    tally, scorer = score(files)
    assert written(files) == whole(files)
    assert scorer.seen == list(range(row - row % 4, ROWS)), (
        "what was written down is not scored again"
    )
    assert (tally.scored, tally.rejected) == (ROWS - 1, 1)
    assert not files.partial.exists()


def test_a_run_that_is_killed_again_and_again_gets_to_its_end(files):
    for row in (5, 6, 9, 17, 25):
        with pytest.raises(KilledError):
            score(files, killed_at=row)
    score(files)
    assert written(files) == whole(files)


@pytest.mark.parametrize(
    "left", [b"", b'{"lab', b'{"label": "short"}\n', b'{"a": 1}\n{"a": 1}\n{"']
)
def test_what_a_torn_write_left_does_not_count(files, left):
    with pytest.raises(KilledError):
        score(files, killed_at=9)
    with (files.partial / journals.OUTCOMES).open("ab") as file:
        file.write(left)
    _, scorer = score(files)
    assert scorer.seen[0] == 8
    assert written(files) == whole(files)


@pytest.mark.parametrize("step", ["_join", "_put"])
def test_a_run_that_is_killed_while_it_joins_scores_nothing_again(files, monkeypatch, step):
    def killed(*_):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(runs, step, killed)
        with pytest.raises(KilledError):
            score(files)
    assert not files.output.exists()
    _, scorer = score(files)
    assert scorer.seen == []
    assert written(files) == whole(files)


def test_a_run_that_is_killed_before_it_cleans_up_is_done_when_it_is_run_again(files, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", lambda _: None)
        patch.setattr("pathlib.Path.unlink", lambda *_, **__: None)
        score(files)
    _, scorer = score(files)
    assert scorer.seen == []
    assert written(files) == whole(files)
    assert not files.partial.exists()


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        (lambda files: score(files, version="20260303-00000000"), "scorer"),
        (lambda files: score(Files(files.source, files.output, prefix="p_")), "columns"),
        (lambda files: score(Files(files.source, files.output, text="id")), "columns"),
        (
            lambda files: (
                files.source.write_text(
                    files.source.read_text().replace("xxxx,", "yyyy,") + "z,z\n"
                ),
                score(files),
            ),
            "input",
        ),
    ],
)
def test_another_run_does_not_go_on_with_what_is_there(files, changed, what):
    with pytest.raises(KilledError):
        score(files, killed_at=9)
    before = (files.partial / journals.OUTCOMES).read_bytes()
    with pytest.raises(UsageError, match=f"another {what} .*remove the folder"):
        changed(files)
    assert (files.partial / journals.OUTCOMES).read_bytes() == before


def test_an_output_that_is_there_is_not_written_over(files):
    files.output.write_text("precious")
    with pytest.raises(UsageError, match="is there already"):
        score(files)
    assert files.output.read_text() == "precious"


def test_two_runs_do_not_write_into_one_folder(files):
    with (
        Journal(files.partial, {}, rows=ROWS, chunk_rows=4),
        pytest.raises(CommandError, match="another run"),
    ):
        score(files)


def test_an_input_that_changes_meanwhile_is_reported_and_nothing_is_put_in_its_place(files):
    class Meddler(LengthScorer):
        def score(self, rows, run, advance):
            yield from super().score(rows, run, advance)
            files.source.write_text(files.source.read_text().replace("xx\n", "yy\n"))

    with pytest.raises(CommandError, match="was changed"):
        score_file(files, open_files(files), Meddler())
    assert not files.output.exists()


def test_a_full_disk_is_reported_in_one_line_and_what_was_done_is_kept(files, monkeypatch):
    really, calls = Journal.append, []

    def full(journal, outcomes):
        calls.append(outcomes)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        really(journal, outcomes)

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "append", full)
        with pytest.raises(CommandError, match=r"No space left.*is kept in .*out.csv.partial"):
            score(files)
    _, scorer = score(files)
    assert scorer.seen[0] == 8
    assert written(files) == whole(files)


def test_a_scorer_that_stops_early_is_no_success(files):
    class Lazy(LengthScorer):
        def score(self, rows, run, advance):
            yield next(super().score(rows, run, advance))

    with pytest.raises(CommandError, match="26 rows, of which 4"):
        score_file(files, open_files(files), Lazy())


def test_a_run_keeps_its_name_when_it_goes_on(tmp_path):
    names = set()
    for _ in range(2):
        with Journal(tmp_path / "out.csv.partial", {"a": 1}, rows=4, chunk_rows=2) as journal:
            names.add(journal.name)
    assert len(names) == 1
    assert json.loads((tmp_path / "out.csv.partial" / journals.RUN).read_text())["a"] == 1


@pytest.mark.parametrize(
    ("given", "wanted"), [("in.parquet", "out.csv"), ("in.csv", "out.parquet")]
)
def test_parquet_without_pyarrow_is_one_line_with_the_command_that_installs_it(
    files, monkeypatch, capsys, tmp_path, given, wanted
):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "scripts.data.arrow_table", raising=False)
    source = tmp_path / given
    source.touch()
    arguments = ["--input", str(source), "--output", str(tmp_path / wanted)]
    monkeypatch.setattr("sys.argv", ["score", *arguments])
    with pytest.raises(SystemExit) as ended:
        run(score_command.main)
    assert ended.value.code == 2
    message = capsys.readouterr().err
    assert message == (
        "error: pyarrow is not installed: run 'make data', which installs it, then this again\n"
    )


def test_a_run_that_scores_not_one_row_fails(files, monkeypatch, capsys):
    files.source.write_text("text\n  \n   \n")
    arguments = ["--input", str(files.source), "--output", str(files.output)]
    monkeypatch.setattr("sys.argv", ["score", *arguments])
    with pytest.raises(SystemExit) as ended:
        run(score_command.main)
    assert ended.value.code == 1
    assert "not one row could be scored" in capsys.readouterr().err
