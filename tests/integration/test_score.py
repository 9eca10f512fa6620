"""The command as processes: killed in the middle and run again, over HTTP, over a large file."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.commands import REPOSITORY, run_python
from tests.serving import running_server

pytestmark = pytest.mark.integration

WORDS = ["good", "bad", "the", "film", "is", "dull", "fine"]
ROWS = 4_000
SMALL, LARGE, GROWTH_MB = 10_000, 35_000, 32  # rows of two kilobytes


def score(artifact, *arguments):
    return run_python("-m", "scripts.score", *arguments, MODELS_DIR=str(artifact.parent))


@pytest.fixture
def reviews(tmp_path):
    """A CSV of many chunks, the last one not full, with bad rows in it."""
    chance = random.Random(3)
    path = tmp_path / "reviews.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        for row in range(ROWS):
            text = " ".join(chance.choices(WORDS, k=chance.randint(1, 40)))
            writer.writerow([row, text if row % 997 else ""])
    return path


def test_a_run_that_is_killed_and_run_again_gives_the_same_two_files(artifact, reviews, tmp_path):
    killed, whole = tmp_path / "killed.jsonl", tmp_path / "whole.jsonl"
    arguments = ("--input", reviews, "--output", killed)
    done = []
    for chunks in (1, 5):
        process = subprocess.Popen(
            [sys.executable, "-m", "scripts.score", *map(str, arguments)],
            cwd=REPOSITORY,
            env={**os.environ, "MODELS_DIR": str(artifact.parent)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        outcomes = tmp_path / "killed.jsonl.partial" / "outcomes.jsonl"
        while process.poll() is None:
            lines = outcomes.read_bytes().count(b"\n") if outcomes.exists() else 0
            if lines >= 256 * chunks:
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.005)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert not killed.exists()
        done.append(outcomes.read_bytes().count(b"\n"))
    assert 0 < done[0] < done[1] < ROWS
    resumed = score(artifact, *arguments)
    assert resumed.returncode == 0, resumed.stderr
    assert "resuming after row" in resumed.stderr
    assert score(artifact, "--input", reviews, "--output", whole).returncode == 0
    for file in (killed, whole):
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        assert [int(row["id"]) for row in rows] == [row for row in range(ROWS) if row % 997]
    assert killed.read_bytes() == whole.read_bytes()
    rejected = [path.with_name(f"{path.name}.rejected.jsonl") for path in (killed, whole)]
    assert rejected[0].read_bytes() == rejected[1].read_bytes()
    assert len(rejected[0].read_text().splitlines()) == 5
    assert {path.name for path in tmp_path.glob("killed*")} == {killed.name, rejected[0].name}


def test_a_server_scores_as_the_model_itself_and_one_bad_row_costs_no_other(artifact, tmp_path):
    texts = ["good", "bad " * 20_000, "dull", "<br>", "fine film", "", *["the film is bad"] * 40]
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    with running_server(artifact.parent) as server:
        given = ("--input", source, "--output", tmp_path / "a.jsonl", "--url", server.url)
        served = score(artifact, *given)
    assert served.returncode == 0, served.stderr
    here = score(artifact, "--input", source, "--output", tmp_path / "b.jsonl")
    assert here.returncode == 0, here.stderr
    by_server, by_model = (
        [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
        for name in ("a.jsonl", "b.jsonl")
    )
    long = [row for row in by_model if len(row["text"]) > 50_000]
    assert len(long) == 1, "a server takes texts up to a limit; here there is none"
    by_model.remove(long[0])
    assert [row["label"] for row in by_server] == [row["label"] for row in by_model]
    assert [row["model_version"] for row in by_server] == [row["model_version"] for row in by_model]
    for ours, theirs in zip(by_server, by_model, strict=True):
        assert ours["score"] == pytest.approx(theirs["score"], abs=1e-6)
    rejected = [
        json.loads(line) for line in (tmp_path / "a.jsonl.rejected.jsonl").read_text().splitlines()
    ]
    assert [row["row"] for row in rejected] == [1, 3, 5]
    assert "80000 characters" in rejected[0]["reason"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "nothing"], "no model 'nothing'"),
        (["--text", "review"], "no column 'review'"),
        (["--url", "http://127.0.0.1:1"], "127.0.0.1:1"),
        (["--stage", "dev"], "no bulk scoring"),
        (["--stage", "other"], "which stage?"),
    ],
)
def test_what_is_asked_wrongly_is_one_line_and_leaves_nothing_behind(
    artifact, reviews, tmp_path, arguments, said
):
    done = score(artifact, "--input", reviews, "--output", tmp_path / "out.csv", *arguments)
    assert done.returncode == (1 if "--url" in arguments else 2)
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert said in line
    assert not list(tmp_path.glob("out.csv*"))


MEASURED = """
import sys
from pathlib import Path
from scripts.benchmark.worker import peak_bytes
from scripts.score.run import Files, open_files, score_file
from tests.unit.scripts.score.doubles import LengthScorer

for name in ("small", "large"):
    folder, suffix = Path(sys.argv[1]), sys.argv[2]
    files = Files(folder / f"{name}{suffix}", folder / f"out-{name}{suffix}")
    tally = score_file(files, open_files(files), LengthScorer(chunk_rows=1024))
    print(tally.scored, peak_bytes() >> 20)
"""


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_memory_does_not_grow_with_the_file(tmp_path, suffix):
    """It is read some thousand rows at a time, also where all are one row group of Parquet."""
    for name, count in (("small", SMALL), ("large", LARGE)):
        write(tmp_path / f"{name}{suffix}", count)
    done = run_python("-c", MEASURED, tmp_path, suffix)
    assert done.returncode == 0, done.stderr
    (few, before), (many, after) = (map(int, line.split()) for line in done.stdout.splitlines())
    assert (few, many) == (SMALL, LARGE)
    assert after - before < GROWTH_MB


def write(path, count):
    """Rows of two kilobytes that no compression makes small."""
    chance = random.Random(5)
    texts = (chance.randbytes(1000).hex() for _ in range(count))
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table({"text": list(texts)}), path, row_group_size=count)
        return
    with path.open("w") as file:
        file.write("text\n" * (path.suffix == ".csv"))
        file.writelines(
            f"{text}\n" if path.suffix == ".csv" else f'{{"text": "{text}"}}\n' for text in texts
        )
