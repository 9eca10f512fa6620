"""Both stores keep the same promises."""

import errno
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import IncompleteReadError

from scripts.common.errors import (
    ConflictError,
    NotFoundError,
    StoreError,
    UsageError,
)
from scripts.registry.stores import open_store, s3
from scripts.registry.stores.directory import PARTIAL, DirectoryStore
from scripts.registry.stores.s3 import S3Store


def test_what_was_created_can_be_read(store):
    store.create("a/b/c.json", b"{}")
    assert store.get("a/b/c.json").content == b"{}"


def test_files_go_in_and_out_whole(store, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(3_000_000))
    store.create("weights", source)
    store.download("weights", target)
    assert target.read_bytes() == source.read_bytes()


def test_nothing_is_created_twice(store):
    store.create("key", b"first")
    with pytest.raises(ConflictError):
        store.create("key", b"second")
    assert store.get("key").content == b"first"


def test_only_what_was_read_is_replaced(store):
    store.create("key", b"first")
    read = store.get("key")
    store.replace("key", b"second", read.etag)
    with pytest.raises(ConflictError):
        store.replace("key", b"third", read.etag)
    assert store.get("key").content == b"second"


def test_what_is_gone_is_not_replaced(store):
    store.create("key", b"first")
    read = store.get("key")
    store.delete("key")
    with pytest.raises((ConflictError, NotFoundError)):
        store.replace("key", b"second", read.etag)


def test_a_download_has_the_tag_that_replace_wants(store, tmp_path):
    store.create("key", b"first")
    store.replace("key", b"second", store.download("key", tmp_path / "x"))
    assert store.get("key").content == b"second"


def test_a_missing_key_is_distinguished(store, tmp_path):
    with pytest.raises(NotFoundError, match="nowhere"):
        store.get("nowhere")
    with pytest.raises(NotFoundError, match="nowhere"):
        store.download("nowhere", tmp_path / "x")


def test_listings_are_by_prefix_and_carry_times(store):
    for key in ("m/versions/1/x", "m/versions/2/y", "m/aliases/a.json", "n/z"):
        store.create(key, b"-")
    listed = list(store.list("m/versions/"))
    assert [entry.key for entry in listed] == ["m/versions/1/x", "m/versions/2/y"]
    assert all(datetime.now(UTC) - e.modified < timedelta(minutes=5) for e in listed)
    assert len(list(store.list(""))) == 4
    assert list(store.list("absent/")) == []


def test_a_listing_goes_over_many_pages(bucket, monkeypatch):
    monkeypatch.setattr(s3, "PAGE", 2)
    store = open_store(f"s3://{bucket}")
    for number in range(7):
        store.create(f"k/{number}", b"")
    assert len(list(store.list("k/"))) == 7


def test_deleting_is_final_and_may_be_repeated(store):
    store.create("a/b", b"-")
    store.delete("a/b")
    store.delete("a/b")
    assert list(store.list("")) == []
    store.create("a/b", b"again")


def test_eight_writers_of_one_key_have_one_winner(store):
    outcomes, barrier = [], threading.Barrier(8)

    def write(number):
        barrier.wait()
        try:
            store.create("key", str(number).encode())
            outcomes.append(number)
        except ConflictError:
            outcomes.append(None)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [number for number in outcomes if number is not None]
    assert len(outcomes) == 8
    assert store.get("key").content == str(winner).encode()


def test_what_a_killed_writer_left_is_not_listed(tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / f"{PARTIAL}1").write_bytes(b"half")
    assert list(DirectoryStore(tmp_path).list("")) == []


def test_a_directory_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match=r"file: (File exists|Not a directory)"):
        DirectoryStore(tmp_path / "file").create("key", b"-")


def test_a_full_disk_names_the_file_that_it_had_no_room_for(tmp_path, monkeypatch):
    store = DirectoryStore(tmp_path)
    store.create("key", b"x")

    def no_room(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.sendfile", no_room)
    with pytest.raises(StoreError, match="target: No space left on device"):
        store.download("key", tmp_path / "target")


class BrokenBody:
    """A body that breaks off after its first bytes."""

    def iter_chunks(self, _):
        yield b"ha"
        raise IncompleteReadError(actual_bytes=2, expected_bytes=4)

    def read(self):
        raise IncompleteReadError(actual_bytes=2, expected_bytes=4)


@pytest.mark.parametrize("broken", [1, 3, 4])
def test_a_body_that_breaks_off_is_read_again(bucket, tmp_path, broken):
    store = S3Store(bucket, "")
    store.create("key", b"half")
    client = store._client

    class Breaking:
        left = broken

        def get_object(self, **key):
            answer = client.get_object(**key)
            self.left -= 1
            return answer if self.left < 0 else {**answer, "Body": BrokenBody()}

    for read in (
        lambda: store.get("key").content,
        lambda: store.download("key", tmp_path / "file") and (tmp_path / "file").read_bytes(),
    ):
        store._client = Breaking()  # type: ignore[assignment]
        if broken < s3.ATTEMPTS:
            assert read() == b"half"
        else:
            with pytest.raises(StoreError, match=r"/key: 2 read, but total bytes expected is 4"):
                read()


def test_a_missing_bucket_is_reported(aws):
    with pytest.raises(StoreError, match=r"s3://no-such-bucket/key: NoSuchBucket: create it"):
        open_store("s3://no-such-bucket").get("key")


def test_missing_credentials_are_one_line(bucket, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(StoreError, match="credentials"):
        open_store(f"s3://{bucket}").get("key")


def test_an_endpoint_that_does_not_answer_is_one_line(aws, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StoreError, match="Could not connect"):
        open_store("s3://bucket").get("key")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("AccessDenied", "may not do this"),
        ("ExpiredToken", "sign in again"),
        ("SlowDown", "SlowDown: as sent"),
    ],
)
def test_a_refused_call_says_what_to_do(bucket, code, said):
    """moto checks neither policies nor expiry: the answer is put in the client's way."""
    store = S3Store(bucket, "")
    body = f"<Error><Code>{code}</Code><Message>as sent</Message></Error>".encode()
    answer = type("Answer", (), {"status_code": 403, "headers": {}, "content": body})()
    store._client.meta.events.register("before-send.s3.GetObject", lambda **_: answer)
    with pytest.raises(StoreError, match=said):
        store.get("key")


def test_boto3_is_asked_for_only_where_it_is_needed(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "boto3", None)
    with pytest.raises(ModuleNotFoundError, match="boto3"):
        open_store("s3://bucket")
    open_store(str(tmp_path)).create("key", b"-")


def test_a_file_beyond_what_one_write_carries_is_refused(bucket, tmp_path, monkeypatch):
    monkeypatch.setattr(s3, "MOST_BYTES", 10)
    (tmp_path / "large").write_bytes(b"x" * 11)
    with pytest.raises(StoreError, match="large: one file"):
        open_store(f"s3://{bucket}").create("key", tmp_path / "large")


@pytest.mark.parametrize("location", ["gs://bucket", "s3://", "s3:///prefix"])
def test_other_locations_are_refused(location):
    with pytest.raises(UsageError):
        open_store(location)


def test_prefixes_keep_registries_apart(bucket, tmp_path: Path):
    one, other = open_store(f"s3://{bucket}/one"), open_store(f"s3://{bucket}/other/")
    one.create("key", b"1")
    other.create("key", b"2")
    assert (one.get("key").content, other.get("key").content) == (b"1", b"2")
    keys = [o["Key"] for o in boto3.client("s3").list_objects_v2(Bucket=bucket)["Contents"]]
    assert keys == ["one/key", "other/key"]
