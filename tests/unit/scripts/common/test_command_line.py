"""Outputs of commands for the jobs of a workflow."""

import pytest

from scripts.common.command_line import run, write_outputs


def test_outputs_are_added_to_what_is_there(tmp_path):
    path = tmp_path / "outputs"
    path.write_text("earlier=1\n")
    write_outputs(path, {"version": "20260102-aabbccdd", "empty": "", "odd": "a=b"})
    assert path.read_text() == "earlier=1\nversion=20260102-aabbccdd\nempty=\nodd=a=b\n"


def test_without_a_file_nothing_is_written():
    write_outputs(None, {"version": "1"})


@pytest.mark.parametrize("value", ["a\nb=c", "a\r", "a\u2028b", "\n"])
def test_a_second_line_would_be_an_output_of_its_own(tmp_path, value):
    path = tmp_path / "outputs"
    with pytest.raises(ValueError, match="single lines"):
        write_outputs(path, {"good": "1", "bad": value})
    assert not path.exists()


def test_what_a_file_system_refuses_is_one_line(capsys, tmp_path):
    def command():
        (tmp_path / "missing" / "result.json").write_text("")

    with pytest.raises(SystemExit) as ended:
        run(command)
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said == f"error: {tmp_path}/missing/result.json: No such file or directory\n"
