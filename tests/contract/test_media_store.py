"""One contract for every store: the local disk, and S3 as moto's server speaks it."""

import os
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from b2c_web.config import ConfigError, load_settings
from b2c_web.media import make_store
from b2c_web.media.store import LocalMediaStore, MediaStore, StoreUnavailable, new_name, sibling
from tests.conftest import TEST_SETTINGS, make_app

BUCKET = "photos-of-people"
KEYS = {"MEDIA_S3_KEY_ID": "a key", "MEDIA_S3_SECRET": "its secret"}


@pytest.fixture(scope="module")
def s3_address() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=address, region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    client.close()
    yield address
    server.stop()


def settings_of(kind: str, folder: Path, address: str) -> dict[str, str]:
    if kind == "local":
        return {"MEDIA_DIR": str(folder / "files")}
    return {"MEDIA_STORE": "s3", "MEDIA_S3_BUCKET": BUCKET, "MEDIA_S3_ENDPOINT": address, **KEYS}


def store_of(**settings: str) -> Any:
    """The store that an application with these settings gets."""
    return make_store(make_app("postgresql://nobody@127.0.0.1:9/nothing", **settings))


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, s3_address: str) -> MediaStore:
    return store_of(**settings_of(request.param, tmp_path, s3_address))  # type: ignore[no-any-return]


def content_of(store: MediaStore, name: str) -> bytes:
    with store.open(name) as file:
        return file.read()


def test_what_was_put_is_there_under_a_name_that_says_nothing(store: MediaStore) -> None:
    one, two = store.put(b"one", "pdf"), store.put(b"one", "pdf")
    assert one != two
    assert one.endswith(".pdf")
    assert content_of(store, one) == b"one"


def test_a_content_is_read_from_anywhere(store: MediaStore) -> None:
    name = store.put(bytes(range(200)), "jpg")
    with store.open(name) as file:
        assert file.read(3) == b"\0\1\2"
        file.seek(-1, os.SEEK_END)
        assert file.read() == bytes([199])


def test_a_stream_is_kept_from_where_it_stands_and_stays_open(store: MediaStore) -> None:
    stream, name = BytesIO(b"skip this, keep that" * 500_000), new_name("mp4")
    stream.seek(11)
    store.write(name, stream)
    kept = content_of(store, name)
    assert kept[:9] == b"keep that"
    assert len(kept) == 20 * 500_000 - 11
    assert not stream.closed


def test_writing_again_replaces(store: MediaStore) -> None:
    name = sibling(new_name("heic"), "small", "jpg")
    store.write(name, BytesIO(b"first, and longer"))
    store.write(name, BytesIO(b"second"))
    assert content_of(store, name) == b"second"


@pytest.mark.parametrize(("first", "length"), [(0, 1), (5, 10), (0, 600_000), (599_999, 1)])
def test_a_part_is_that_part(store: MediaStore, first: int, length: int) -> None:
    whole = bytes(n % 251 for n in range(600_000))
    part = store.part(store.put(whole, "mp4"), first, length)
    assert b"".join(part) == whole[first : first + length]
    part.close()


def test_a_part_nobody_reads_is_closed(store: MediaStore) -> None:
    store.part(store.put(b"x" * 100, "mp4"), 10, 20).close()


def test_what_was_deleted_is_gone_and_may_be_deleted_again(store: MediaStore) -> None:
    name = store.put(b"content", "jpg")
    store.delete(name)
    store.delete(name)
    for read in (lambda: store.open(name), lambda: store.part(name, 0, 1)):
        with pytest.raises(FileNotFoundError):
            read()


@pytest.mark.parametrize("name", ["../secrets.json", "/etc/passwd", "aa/b.jpg", "", "ab/" + "0" * 32 + ".jpg/../x"])
def test_no_name_leads_out_of_the_store(store: MediaStore, name: str) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: store.open(name),
        lambda: store.write(name, BytesIO(b"x")),
        lambda: store.part(name, 0, 1),
        lambda: store.delete(name),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="not a name"):
            call()


class Breaking(BytesIO):
    """A stream that ends with an error, as an upload whose connection broke."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell():
            raise ConnectionError
        return super().read(size)


def test_half_a_content_is_never_there(store: MediaStore) -> None:
    name = new_name("jpg")
    with pytest.raises((StoreUnavailable, ConnectionError)):
        store.write(name, Breaking(b"x" * 10_000_000))
    with pytest.raises(FileNotFoundError):
        store.open(name)


def test_a_store_that_is_away_says_so_in_our_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    away = store_of(**settings_of("s3", tmp_path, "http://127.0.0.1:9"))
    for store in (LocalMediaStore(tmp_path / "file"), away):
        with pytest.raises(StoreUnavailable):
            store.put(b"x", "jpg")


def test_files_are_readable_by_the_application_alone(tmp_path: Path) -> None:
    store = store_of(MEDIA_DIR=str(tmp_path / "files"))
    name = store.put(b"x", "jpg")
    assert (tmp_path / "files" / name).stat().st_mode & 0o077 == 0
    assert (tmp_path / "files").stat().st_mode & 0o077 == 0
    assert len(list((tmp_path / "files").rglob("*.*"))) == 1


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"MEDIA_STORE": "cloud"}, "MEDIA_STORE"),
        ({"MEDIA_STORE": "s3", **KEYS}, "MEDIA_S3_BUCKET"),
        ({"MEDIA_STORE": "s3", "MEDIA_S3_BUCKET": "photos", "MEDIA_S3_KEY_ID": "a"}, "MEDIA_S3_SECRET"),
        ({"MEDIA_STORE": "s3", "MEDIA_S3_BUCKET": "photos", "MEDIA_S3_SECRET": "a"}, "MEDIA_S3_KEY_ID"),
        ({"MEDIA_S3_BUCKET": "No Bucket"}, "MEDIA_S3_BUCKET"),
        ({"MEDIA_S3_ENDPOINT": "ftp://somewhere"}, "MEDIA_S3_ENDPOINT"),
        ({"MEDIA_S3_REGION": "here & there"}, "MEDIA_S3_REGION"),
        ({"MEDIA_DIR": "relative/folder"}, "MEDIA_DIR"),
        ({"MEDIA_PHOTO_MAX_MB": "0"}, "MEDIA_PHOTO_MAX_MB"),
        ({"MEDIA_AT_ONCE": "many"}, "MEDIA_AT_ONCE"),
        ({"MEDIA_LINK_MINUTES": "0"}, "MEDIA_LINK_MINUTES"),
    ],
)
def test_a_wrong_setting_stops_the_start_by_its_name(given: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigError, match=f"^{named}[:=]"):
        load_settings({**TEST_SETTINGS, **given})


def test_the_secret_of_the_store_is_never_shown() -> None:
    with pytest.raises(ConfigError) as refusal:
        load_settings({**TEST_SETTINGS, "MEDIA_STORE": "s3", "MEDIA_S3_SECRET": "very secret"})
    assert "very secret" not in str(refusal.value)


def test_a_folder_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ConfigError, match=r"^MEDIA_DIR="):
        store_of(MEDIA_DIR=str(tmp_path / "file" / "below"))
