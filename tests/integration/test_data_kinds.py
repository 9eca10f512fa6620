"""Data as people bring it, through the commands that they type: the right value, or a refusal."""

import csv
import json
import sys
import urllib.request

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from function.core.artifact import open_artifact
from scripts import golden as golden_command
from scripts.common.command_line import run
from scripts.registry.registry import open_registry
from tests.commands import run_python
from tests.serving import running_server
from tests.tiny import write_artifact

pytestmark = pytest.mark.integration

# A word for each label, and one for all.
STARS = {"1": "awful", "2": "weak", "3": "plain", "4": "fine", "5": "superb"}
MOODS = {"neg": "awful", "neutral": "plain", "pos": "superb"}
TRUTHS = {"true": "superb", "false": "awful"}
CONFIG = """
model = "{model}"
architecture = "lstm"
labels = {labels}
dropout = 0.0
[network]
vocabulary = 200
embedding = 16
hidden = 64
[[datasets]]
name = "toy"
path = "{data}"
label = "{column}"
[finetuning]
epoch_max_tokens = [16, 16, 16]
learning_rate = 2e-2
batch_texts = 16
[serving]
max_tokens = 16
stride = 4
[tracking]
to = "none"
"""


def texts_of(word, count=60):
    return [f"{word} film number {number} about nothing {word}" for number in range(count)]


def write_stars(folder):
    """Stars from 1 to 5 in CSV, best first: neither order nor count says which code is which."""
    with (folder / "stars.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "stars"])
        for star, word in reversed(STARS.items()):
            writer.writerows([text, star] for text in texts_of(word))
    return "stars.csv", "stars"


def write_moods(folder):
    """Class folders, of which `neg` and `pos` are the names in aclImdb; `unsup` has no label."""
    for name, word in (MOODS | {"unsup": "plain"}).items():
        (folder / "moods" / name).mkdir(parents=True)
        for number, text in enumerate(texts_of(word)):
            (folder / "moods" / name / f"{number}.txt").write_text(text)
    return "moods", "label"


def write_truths(folder):
    """Booleans of JSON, whose names are labels."""
    rows = [
        {"text": text, "label": name == "true"}
        for name, word in TRUTHS.items()
        for text in texts_of(word)
    ]
    (folder / "truths.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return "truths.jsonl", "label"


DATA = {
    "stars": (write_stars, STARS),
    "moods": (write_moods, MOODS),
    "truths": (write_truths, TRUTHS),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The models, each trained by the command on its data, and what the command logged."""
    folder = tmp_path_factory.mktemp("kinds")
    logs = {}
    for model, (write, words) in DATA.items():
        data, column = write(folder)
        config = folder / f"{model}.toml"
        config.write_text(
            CONFIG.format(model=model, labels=json.dumps([*words]), data=data, column=column)
        )
        output = folder / f"{model}-run"
        given = ("--config", config, "--data", folder, "--output", output)
        done = run_python("-m", "scripts.train", *given)
        assert done.returncode == 0, done.stderr
        logs[model] = done.stderr
        (folder / "models").mkdir(exist_ok=True)
        (output / "artifact").rename(folder / "models" / model)
    return folder / "models", logs


def test_models_of_such_data_answer_with_the_label_of_the_data(trained):
    models, _ = trained
    with running_server(models) as server:
        for model, (_, words) in DATA.items():
            body = json.dumps({"inputs": [texts_of(word, 1)[0] for word in words.values()]})
            request = urllib.request.Request(
                f"{server.url}/v1/models/{model}/predict",
                body.encode(),
                {"content-type": "application/json"},
            )
            with urllib.request.urlopen(request, timeout=30) as answer:
                found = [each["label"] for each in json.load(answer)["predictions"]]
            assert found == [*words], model


def test_training_reports_the_reading_of_the_labels_and_the_rows_of_each(trained):
    _, logs = trained
    assert "300 rows; labels by name: 1 60, 2 60, 3 60, 4 60, 5 60" in logs["stars"]
    assert "180 rows; labels by name: neg 60, neutral 60, pos 60" in logs["moods"]
    assert "unsup: skipped: its texts have no label" in logs["moods"]
    assert "120 rows; labels by name: true 60, false 60" in logs["truths"]


@pytest.fixture
def freeze(tmp_path, monkeypatch, capsys):
    """Freeze a golden set by the command; its rows, or the one line that refuses."""
    registry = open_registry(str(tmp_path / "registry"))
    registry.publish(open_artifact(write_artifact(tmp_path / "artifact")))

    def freeze_file(path, *options):
        location = ["--registry", str(tmp_path / "registry"), "--model", "sentiment"]
        arguments = ["golden", *location, "--data", str(path), *options]
        monkeypatch.setattr(sys, "argv", arguments)
        code: object = 0
        try:
            run(golden_command.main)
        except SystemExit as ended:
            code = ended.code
        written = capsys.readouterr()
        if code:
            assert code == 2
            return written.err.strip().splitlines()[-1].removeprefix("error: ")
        stored = registry.store.get(f"sentiment/golden/{written.out.strip()}.jsonl")
        return [json.loads(line) for line in stored.content.splitlines()]

    return freeze_file


CP1252 = "text,label\nUn film très émouvant,1\nA dull film,0\n".encode("cp1252")
ROWS = [
    {"label": "positive", "text": "Un film très émouvant"},
    {"label": "negative", "text": "A dull film"},
]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("utf-8.csv", CP1252.decode("cp1252").encode()),
        ("excel.csv", CP1252.decode("cp1252").encode("utf-8-sig")),
        ("excel-unicode.csv", CP1252.decode("cp1252").replace(",", "\t").encode("utf-16")),
        ("german.csv", CP1252.decode("cp1252").replace(",", ";").encode()),
        ("sep.csv", b"sep=;\r\n" + CP1252.decode("cp1252").replace(",", ";").encode()),
        (
            "columns.csv",
            b"text,label,,\nUn film tr\xc3\xa8s \xc3\xa9mouvant,1,,\nA dull film,0,,\n",
        ),
        (
            "mixed.jsonl",
            '{"text": "Un film très émouvant", "label": 1, "id": 7}\n'
            '{"text": "A dull film", "label": 0, "id": "A8"}\n'.encode(),
        ),
    ],
)
def test_a_golden_set_holds_the_texts_of_the_file(tmp_path, freeze, name, content):
    (tmp_path / name).write_bytes(content)
    assert freeze(tmp_path / name) == ROWS


def test_a_file_of_another_encoding_is_refused_with_its_line_until_that_is_named(tmp_path, freeze):
    path = tmp_path / "excel.csv"
    path.write_bytes(CP1252)
    message = freeze(path)
    assert (
        "excel.csv, line 2: is not UTF-8; it would read with --encoding cp1252 'Un film très"
        in message
    )
    assert freeze(path, "--encoding", "cp1252") == ROWS
    assert "no such encoding" in freeze(path, "--encoding", "latin-nine")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text,text,label\na,x,1\nb,y,0\n", "two columns are named 'text'"),
        (b'text,label\n"Great movie,1\nA dull film,0\n', "line 2: has a quote"),
        (b"text,label\nA film \xf0\x9f\x98,1\nA dull film,0\n", "line 2: is not UTF-8"),
        (b"text,label\nA film,1,x\nA dull film,0\n", "line 2: has 3 cells where"),
    ],
)
def test_a_csv_that_cannot_be_read_to_the_letter_is_refused(tmp_path, freeze, content, message):
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    assert message in freeze(path)


@pytest.mark.parametrize(
    "texts", [["007", "1.50"], ["1e3", "true"], ["12:30", "2026-01-02"], ["NA", "null"]]
)
def test_texts_that_look_like_other_things_stay_as_written(tmp_path, freeze, texts):
    path = tmp_path / "rows.csv"
    path.write_text(f"text,label\n{texts[0]},1\n{texts[1]},0\n")
    assert [row["text"] for row in freeze(path)] == texts


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.string_view(), pa.binary(), pa.binary_view(), pa.large_binary()],
    ids=str,
)
def test_bytes_of_parquet_that_are_utf_8_are_texts(tmp_path, freeze, kind):
    path = tmp_path / "rows.parquet"
    texts = pa.array(["Un film très émouvant".encode(), b"A dull film"], pa.binary()).cast(kind)
    pq.write_table(pa.table({"text": texts, "label": [1, 0]}), path)
    assert freeze(path) == ROWS


@pytest.mark.parametrize(
    "column", [[["A", "film"], ["B"]], [{"en": "A film"}, {"en": "B"}], [1.5, 2.5], [1, 2]]
)
def test_columns_of_parquet_that_are_no_text_are_refused(tmp_path, freeze, column):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"text": column, "label": [1, 0]}), path)
    assert "the column 'text' is of type" in freeze(path)


def test_class_folders_that_are_no_labels_are_an_error_that_lists_both(tmp_path, freeze):
    for name in ("negative", "neutral"):
        (tmp_path / "moods" / name).mkdir(parents=True)
        (tmp_path / "moods" / name / "1.txt").write_text(f"a {name} film")
    message = freeze(tmp_path / "moods")
    assert "'neutral' is none of the model's: 'negative', 'positive'" in message
    assert "The file has 'negative', 'neutral'" in message
