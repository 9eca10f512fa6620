"""From a server's output to a folder, without losing a line to a kill."""

import json
import signal
import subprocess
import sys
import time

import pytest

from scripts.collect import Collector, collect_lines
from scripts.drift.prediction_log import read_log
from tests.predictions import EVER, a_log, log_lines


def output(lines):
    return [json.dumps(line) + "\n" for line in lines]


def files(folder):
    return sorted(path.suffix for path in folder.rglob("*") if path.is_file())


def test_each_hour_becomes_one_parquet_file_and_other_lines_are_passed_on(tmp_path):
    said = ["hello\n", *output(log_lines(150, right=0.9)), '{"log": "prediction", torn\n']
    assert list(collect_lines(said, tmp_path)) == ["hello\n", '{"log": "prediction", torn\n']
    assert [path.parent.name for path in sorted(tmp_path.rglob("*.parquet"))] == ["00", "01", "02"]
    assert files(tmp_path) == [".parquet"] * 3
    found = read_log(str(tmp_path), EVER, "sentiment")
    assert found.answers.tolist() == a_log(150, right=0.9).answers.tolist()
    assert found.correct.tolist() == a_log(150, right=0.9).correct.tolist()


def test_requests_that_end_in_another_order_cost_no_small_files(tmp_path):
    lines = output(log_lines(120))
    list(collect_lines(lines[:58] + lines[62:100] + lines[58:62] + lines[100:], tmp_path))
    assert files(tmp_path) == [".parquet"] * 2
    assert len(read_log(str(tmp_path), EVER, "sentiment")) == 120


def test_what_a_killed_collector_left_is_read_and_taken_over(tmp_path):
    killed = Collector(tmp_path)
    for line in log_lines(90):
        killed.add(line)
    assert files(tmp_path) == [".jsonl"] * 2
    assert len(read_log(str(tmp_path), EVER, "sentiment")) == 90
    other = Collector(tmp_path)
    assert files(tmp_path) == [".jsonl"] * 2, "its process still writes there"
    other.close()
    killed.close()
    assert files(tmp_path) == [".parquet"] * 2


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_line_that_was_read_is_lost_however_the_command_ends(tmp_path, how):
    command = [sys.executable, "-m", "scripts.collect", "--output", str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as collecting:
        assert collecting.stdin
        assert collecting.stdout
        collecting.stdin.write("".join(output(log_lines(90))) + "the end\n")
        collecting.stdin.flush()
        assert collecting.stdout.readline() == "the end\n"
        collecting.send_signal(how)
        assert collecting.wait(timeout=20) == (0 if how == signal.SIGTERM else -how)
    assert len(read_log(str(tmp_path), EVER, "sentiment")) == 90
    Collector(tmp_path).close()
    assert files(tmp_path) == [".parquet"] * 2
    assert len(read_log(str(tmp_path), EVER, "sentiment")) == 90


def test_a_time_without_a_zone_is_of_utc_wherever_the_collector_runs(tmp_path, monkeypatch):
    (line,) = log_lines(1)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        list(collect_lines(output([{**line, "time": "2026-11-15T00:30:00"}]), tmp_path))
    finally:
        monkeypatch.undo()
        time.tzset()
    (path,) = tmp_path.rglob("*.parquet")
    assert path.parent == tmp_path / "2026/11/15/00"


def test_files_of_others_are_left_alone(tmp_path):
    theirs = tmp_path / "2026/11/14/00/notes.jsonl"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("{}\n")
    list(collect_lines(output(log_lines(3)), tmp_path))
    assert theirs.read_text() == "{}\n"


def test_a_kill_between_parquet_and_lines_doubles_nothing(tmp_path):
    list(collect_lines(output(log_lines(30)), tmp_path))
    (parquet,) = tmp_path.rglob("*.parquet")
    parquet.with_suffix(".jsonl").write_text("".join(output(log_lines(30))))
    assert len(read_log(str(tmp_path), EVER, "sentiment")) == 30
    Collector(tmp_path).close()
    assert files(tmp_path) == [".parquet"]
    assert len(read_log(str(tmp_path), EVER, "sentiment")) == 30
