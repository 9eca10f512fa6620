"""The hub's own client against a server on loopback that speaks the hub's HTTP."""

import json
import sys

import pytest

from function.core.artifact import open_artifact, verify
from scripts.common.errors import MissingExtraError, SourceError, UsageError
from scripts.refresh.sources.hugging_face_hub import HuggingFaceHub
from scripts.refresh.sources.location import open_source
from scripts.refresh.sources.source import Revision
from tests.commands import run_python
from tests.stand_ins.hub import COMMIT, Hub
from tests.tiny import write_artifact

CONFIG = {"architectures": ["BertForSequenceClassification"], "model_type": "bert"}
CHECKPOINT = {
    "config.json": json.dumps(CONFIG).encode(),
    "tokenizer.json": b"{}",
    "tokenizer_config.json": b"{}",
    "model.safetensors": b"weights",
    "pytorch_model.bin": b"pickle",
    "training_args.bin": b"pickle",
    "modeling_own.py": b"raise SystemExit",
    "README.md": b"# A model",
    "onnx/model.onnx": b"graph",
    "onnx/config.json": b"{}",
}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    # Nothing of the person who runs the tests: no token, no cache.
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    server = Hub()
    server.repositories["org/name"] = dict(CHECKPOINT)
    yield server
    server.stop()


@pytest.fixture
def source(hub):
    return HuggingFaceHub("org/name", hub.address)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "fetched"
    path.mkdir()
    return path


def test_the_newest_revision_is_a_commit_and_costs_no_file(hub, source):
    assert source.newest() == Revision("hub:org/name", COMMIT)
    assert hub.requests == ["/api/models/org/name/revision/main"]


def test_a_branch_or_tag_is_pinned_to_its_commit(hub):
    assert HuggingFaceHub("org/name@v2", hub.address).newest().revision == COMMIT
    assert hub.requests == ["/api/models/org/name/revision/v2"]


def test_a_checkpoint_is_fetched_without_pickles_code_and_other_folders(hub, source, folder):
    assert source.fetch(source.newest(), folder) == folder
    wanted = {"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"}
    assert {path.name for path in folder.rglob("*")} == wanted
    assert (folder / "model.safetensors").read_bytes() == b"weights"
    assert hub.files_asked_for() == wanted
    assert not any("main" in path for path in hub.requests if "/resolve/" in path)


def test_of_weights_in_shards_those_of_the_index_are_fetched(hub, source, folder):
    files = hub.repositories["org/name"]
    del files["model.safetensors"]
    shards = {"a": "model-1.safetensors", "b": "model-2.safetensors"}
    files |= dict.fromkeys((*shards.values(), "other.safetensors"), b"shard")
    files["model.safetensors.index.json"] = json.dumps({"weight_map": shards}).encode()
    source.fetch(source.newest(), folder)
    assert {path.name for path in folder.glob("*.safetensors")} == set(shards.values())


def test_a_vocabulary_is_fetched_where_there_is_no_tokenizer_file(hub, source, folder):
    files = hub.repositories["org/name"]
    files["vocab.txt"] = b"[PAD]"
    source.fetch(source.newest(), folder)
    assert "vocab.txt" not in hub.files_asked_for()
    del files["tokenizer.json"]
    source.fetch(source.newest(), folder)
    assert "vocab.txt" in hub.files_asked_for()


def test_an_artifact_is_fetched_file_by_file_as_its_manifest_lists_them(
    hub, source, folder, tmp_path
):
    artifact = write_artifact(tmp_path / "artifact")
    files = {path.name: path.read_bytes() for path in artifact.iterdir()}
    hub.repositories["org/name"] = files | {
        "README.md": b"",
        "config.json": b"",
        ".gitattributes": b"",
    }
    fetched = source.fetch(source.newest(), folder)
    verify(open_artifact(fetched))
    assert hub.files_asked_for() == set(files)


@pytest.mark.parametrize(
    ("name", "said"), [("model.pkl", "a pickle"), ("absent.json", "not there")]
)
def test_a_manifest_that_lists_a_pickle_or_what_is_not_there_is_refused(
    hub, source, folder, tmp_path, name, said
):
    artifact = write_artifact(tmp_path / "artifact")
    manifest = json.loads((artifact / "manifest.json").read_text())
    manifest["files"][name] = manifest["files"]["tokenizer.json"]
    hub.repositories["org/name"] = {
        "manifest.json": json.dumps(manifest).encode(),
        **dict.fromkeys(("model.onnx", "tokenizer.json", "model.pkl"), b""),
    }
    with pytest.raises(SourceError, match=said):
        source.fetch(source.newest(), folder)
    assert hub.files_asked_for() == {"manifest.json"}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"config.json": json.dumps(CONFIG | {"auto_map": {}}).encode()}, "auto_map"),
        ({"config.json": b'{"architectures": ["BertForMaskedLM"]}'}, "BertForMaskedLM"),
        ({"model.safetensors": None}, r"a pickle \(pytorch_model\.bin\)"),
        ({"tokenizer.json": None}, r"no tokenizer\.json"),
        ({"config.json": None}, r"no config\.json"),
    ],
)
def test_what_cannot_be_imported_is_refused_before_its_weights_are_fetched(
    hub, source, folder, changed, said
):
    files = hub.repositories["org/name"] | changed
    hub.repositories["org/name"] = {name: body for name, body in files.items() if body is not None}
    with pytest.raises(SourceError, match=said):
        source.fetch(source.newest(), folder)
    assert not any(name.endswith((".safetensors", ".bin", ".py")) for name in hub.files_asked_for())


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ((404, "RepoNotFound"), "not found, or private"),
        ((401, "RepoNotFound"), "not found, or private"),
        ((404, "RevisionNotFound"), "no revision 'main'"),
        ((403, "GatedRepo"), "gated: accept its terms"),
        ((401, "GatedRepo"), "gated: accept its terms"),
        ((403, None), "access denied"),
        ((500, None), "status 500"),
    ],
)
def test_a_refusal_names_the_source_and_the_cause_in_one_line(hub, source, refusal, said):
    hub.refusals["org/name"] = refusal
    with pytest.raises(SourceError, match=f"^hub:org/name: .*{said}") as raised:
        source.newest()
    assert "\n" not in str(raised.value)


def test_a_gated_repository_tells_its_revision_and_refuses_its_files(hub, source, folder):
    hub.refused_files["org/name"] = (403, "GatedRepo")
    revision = source.newest()
    with pytest.raises(SourceError, match=r"^hub:org/name: gated"):
        source.fetch(revision, folder)


def test_a_hub_that_is_not_there_is_one_line(hub):
    hub_address = hub.address
    hub.stop()
    with pytest.raises(SourceError, match=r"^hub:org/name: the hub could not be read") as raised:
        HuggingFaceHub("org/name", hub_address).newest()
    assert "\n" not in str(raised.value)


def test_a_name_that_cannot_be_a_repository_is_refused(hub):
    with pytest.raises(SourceError, match=r"^hub:a/b/c: "):
        HuggingFaceHub("a/b/c", hub.address).newest()
    assert hub.requests == []


def test_without_the_client_it_says_what_to_install(source, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"huggingface_hub is not installed.*'make tools'"):
        source.newest()


@pytest.mark.parametrize(
    "location", ["", "hub", "hub:", "ftp:x", "org/name", "hub:org/name@", "wandb:a/b", "mlflow:m@"]
)
def test_a_location_that_names_no_source_is_wrong_usage(location):
    with pytest.raises(UsageError, match=r"hub:|wandb:|mlflow:"):
        open_source(location)


@pytest.mark.parametrize(
    "location", ["hub:org/name@v2", "dir:a:b", "mlflow:model@prod", "wandb:team/project/model:v3"]
)
def test_a_location_opens_its_source_without_reading_it(location):
    assert open_source(location)


def test_opening_a_source_loads_no_client_and_nothing_of_training():
    heavy = "torch transformers pyarrow huggingface_hub mlflow wandb onnxruntime"
    program = (
        "import sys; from scripts.refresh.sources.location import open_source;"
        f"open_source('hub:a/b'); print([m for m in {heavy.split()!r} if m in sys.modules])"
    )
    done = run_python("-c", program)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
