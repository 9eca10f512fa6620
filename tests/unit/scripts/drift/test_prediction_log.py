"""The reader: wherever the log lies, whatever it is written in, and whatever is between."""

import gzip
import json
from datetime import timedelta

import boto3
import numpy as np
import pytest

from scripts.common.errors import UsageError
from scripts.drift.log_lines import parse_line, write_parquet
from scripts.drift.prediction_log import TimeRange, build_log, read_log
from tests.predictions import EVER, START, VERSION, a_log, log_lines

HOURS = 4


def as_text(lines):
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


FORMS = {
    "lines": as_text,
    "gzip": lambda lines: gzip.compress(as_text(lines)),
    "parquet": lambda lines: write_parquet(list(lines)),
    "no breaks between": lambda lines: b"".join(json.dumps(line).encode() for line in lines),
}


def same(one, other):
    return all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)
        for name in ("times", "answers", "first", "scores", "tokens", "words", "correct")
    )


def hourly(put):
    """Four hours of the log, each in the folder of its hour."""
    for hour in range(HOURS):
        begin = START + timedelta(hours=hour)
        put(f"{begin:%Y/%m/%d/%H}/part", as_text(log_lines(60, begin=begin)))


@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_read_whatever_it_is_written_in(tmp_path, form):
    path = tmp_path / "log"
    path.write_bytes(FORMS[form](log_lines(80, right=0.9, first=0.7)))
    found = read_log(str(path), EVER, "sentiment")
    assert len(found) == 80
    assert found.damaged == 0
    assert found.labels == ["negative", "positive"]
    assert same(found, a_log(80, right=0.9, first=0.7))
    assert 0.5 < found.first.mean() < 0.9


def test_lines_without_a_stage_name_none():
    assert np.isnan(a_log(80).first).all()


def test_what_else_a_server_prints_is_skipped_and_what_is_torn_is_counted(tmp_path):
    first, second, third = log_lines(3)
    output = [
        "INFO: started {not json}",
        '{"level":"info","message":"a prediction"}',
        f"2026-11-14T00:00:00Z\tRequestId\t{json.dumps(first)}",
        json.dumps(second)[:-9],
        json.dumps({**third, "tokens": "many"}),
        "",
    ]
    path = tmp_path / "captured.log"
    path.write_text("\n".join(output))
    found = read_log(str(path), EVER, "sentiment")
    assert (len(found), found.damaged) == (1, 2)


def test_a_damaged_file_costs_its_own_lines_alone(tmp_path):
    (tmp_path / "a.parquet").write_bytes(write_parquet(list(log_lines(5)))[:-20])
    (tmp_path / "b.gz").write_bytes(gzip.compress(as_text(log_lines(5)))[:-20])
    (tmp_path / "c.jsonl").write_bytes(as_text(log_lines(7, seed=1)))
    found = read_log(str(tmp_path), EVER, "sentiment")
    assert (len(found), found.damaged) == (7, 2)


def test_a_window_takes_its_own_lines_and_opens_no_other_hours(tmp_path, monkeypatch):
    def put(key, content):
        (tmp_path / key).parent.mkdir(parents=True)
        (tmp_path / key).write_bytes(content)

    hourly(put)
    last = tmp_path / f"{START:%Y/%m/%d}/00/part"
    last.write_bytes(b'{"log": "prediction", torn')  # would be counted if it were opened
    window = TimeRange(START + timedelta(minutes=90), START + timedelta(minutes=150))
    found = read_log(str(tmp_path), window, "sentiment")
    assert (len(found), found.damaged) == (60, 0)
    assert found.time(0) == START + timedelta(minutes=90)
    assert found.time(-1) == START + timedelta(minutes=149)


def test_a_bucket_is_read_as_a_folder_is(bucket):
    client = boto3.client("s3")
    hourly(lambda key, content: client.put_object(Bucket=bucket, Key=f"p/{key}", Body=content))
    where = f"s3://{bucket}/p"
    assert len(read_log(where, EVER, "sentiment")) == 60 * HOURS
    late = TimeRange(START + timedelta(hours=3), START + timedelta(hours=9))
    assert len(read_log(where, late, "sentiment")) == 60


def test_files_of_a_bucket_that_lie_in_no_folders_by_day_are_read_too(bucket):
    content = as_text(log_lines(5, begin=START))
    boto3.client("s3").put_object(Bucket=bucket, Key="mine/exported.jsonl", Body=content)
    found = read_log(
        f"s3://{bucket}/mine", TimeRange(START, START + timedelta(hours=1)), "sentiment"
    )
    assert len(found) == 5


def test_a_line_lies_in_the_hour_before_where_a_file_was_begun_then(bucket):
    """Firehose names a file by its first line and waits for the last, here over midnight."""
    client = boto3.client("s3")
    begin = START - timedelta(minutes=2)
    key = f"{begin:%Y/%m/%d/%H}/part"
    client.put_object(Bucket=bucket, Key=key, Body=as_text(log_lines(5, begin=begin)))
    found = read_log(f"s3://{bucket}", TimeRange(START, START + timedelta(hours=1)), "sentiment")
    assert [found.time(row) - START for row in range(len(found))] == [
        timedelta(minutes=minute) for minute in range(3)
    ]


def test_feedback_is_joined_from_after_the_window_and_the_last_one_counts():
    first, second = log_lines(2)
    right, wrong = first["label"], "something else"
    feedback = [
        {"log": "feedback", "id": first["id"], "time": "2026-11-14T09:00:00Z", "label": wrong},
        {"log": "feedback", "id": first["id"], "time": "2026-11-15T09:00:00Z", "label": right},
        {"log": "feedback", "id": first["id"], "time": "2026-11-14T10:00:00Z", "label": wrong},
    ]
    window = TimeRange(START, START + timedelta(hours=1))
    found = build_log([*feedback, first, second], window, "sentiment")
    assert found.correct[0] == 1
    assert np.isnan(found.correct[1])


def test_a_line_that_was_delivered_twice_counts_once_and_another_model_never():
    lines = [*log_lines(3), *log_lines(3)]
    assert len(build_log(lines, EVER, "sentiment")) == 3
    assert len(build_log(lines, EVER, "ner")) == 0


def test_the_entities_of_a_text_are_counted_by_label(tmp_path):
    (line,) = log_lines(1)
    for name in ("label", "score", "margin"):
        del line[name]
    entities = {**line, "labels": {"PER": 2, "LOC": 1}}
    none = {**line, "id": "2", "labels": {}}
    (tmp_path / "log.parquet").write_bytes(write_parquet([entities, none]))
    found = read_log(str(tmp_path), EVER, "sentiment")
    assert found.labels == ["LOC", "PER"]
    assert found.answers.tolist() == [[1, 2], [0, 0]]
    assert np.isnan(found.scores).all()


def test_entities_in_feedback_are_no_damage_and_judge_nothing(tmp_path):
    (line,) = log_lines(1)
    span = {"label": "PER", "start": 0, "end": 3}
    feedback = {"log": "feedback", "id": line["id"], "time": line["time"], "entities": [span]}
    (tmp_path / "log.parquet").write_bytes(write_parquet([line, feedback]))
    found = read_log(str(tmp_path), EVER, "sentiment")
    assert found.damaged == 0
    assert np.isnan(found.correct).all()


def test_versions_are_distinguished():
    older = [{**line, "version": "20260101-00000000"} for line in log_lines(5, seed=5)]
    log = build_log([*older, *log_lines(3)], EVER, "sentiment")
    assert len(log.of_version(VERSION)) == 3


def test_a_missing_log_is_reported(tmp_path):
    with pytest.raises(UsageError, match="no such file or directory"):
        read_log(str(tmp_path / "absent"), EVER, "sentiment")


def test_a_line_that_only_speaks_of_the_log_is_none():
    assert list(parse_line('{"message": "wrote log: prediction"}')) == []
    assert list(parse_line('{"log": "prediction"')) == [None]
