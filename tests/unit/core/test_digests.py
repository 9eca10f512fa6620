import hashlib
import subprocess
import sys

import pytest

from function.core.digests import digest_file, hash_ahead


@pytest.mark.parametrize("content", [b"", b"x", b"long" * 1_000_000])
def test_a_file_has_the_digest_of_its_content(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    assert digest_file(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_hashing_ahead_gives_the_same(tmp_path):
    (tmp_path / "below").mkdir()
    for path in (tmp_path / "one", tmp_path / "below" / "two"):
        path.write_text(path.name)
    digest = hash_ahead(tmp_path)
    (tmp_path / "late").write_text("came later")
    for path in (tmp_path / "one", tmp_path / "below" / "two", tmp_path / "late"):
        assert digest(path) == digest_file(path)


def test_a_folder_that_is_not_there_has_nothing_to_hash(tmp_path):
    with pytest.raises(FileNotFoundError):
        hash_ahead(tmp_path / "nowhere")(tmp_path / "nowhere" / "file")


def test_it_can_start_before_anything_is_imported():
    seen = "import sys, function.core.digests; print({m.split('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)
    assert not {"numpy", "pydantic", "fastapi", "onnxruntime"} & set(eval(done.stdout))
