"""Files from a folder and from the hub, and what is said of each way in which that fails."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from services.base.logs import fields
from services.speech import progress
from services.speech.errors import (
    BadToken,
    CacheClosed,
    DiskFull,
    DownloadBroken,
    FileMissing,
    HubAway,
    LicenceNotAccepted,
    NoToken,
    NotSupported,
    RepositoryMissing,
    SpeechError,
)
from services.speech.hub import Folder, Repository, fetch, place
from services.speech.settings import SpeechSettings
from tests.services.speech.hub_double import COMMIT, Hub, serving

MODEL, MIMI = "model.safetensors", "tokenizer-e351c8d8-checkpoint125.safetensors"
TOKENIZER = "tokenizer_spm_32k_3.model"
NAME = "nvidia/personaplex-7b-v1"
FILES = {
    "config.json": json.dumps({"model_type": "personaplex", "version": "7b-v1"}).encode(),
    MODEL: bytes(range(256)) * 2000,
    MIMI: b"mimi" * 1000,
    TOKENIZER: b"pieces",
    "voices.tgz": b"voices",
}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    # The client rests a second before it tries again.
    monkeypatch.setattr("huggingface_hub.file_download.time", SimpleNamespace(sleep=lambda seconds: None))
    monkeypatch.setattr("services.speech.hub.get_token", lambda: None)
    with serving(Hub(files=dict(FILES))) as hub:
        yield hub


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def repository(
    hub: Hub, cache: Path, name: str = NAME, revision: str = "main", token: str = ""
) -> Repository:
    return Repository(name, revision, token, hub.endpoint, cache)


def test_all_files_of_a_model_are_fetched_and_then_taken_from_the_cache(hub: Hub, cache: Path) -> None:
    files = fetch(repository(hub, cache))
    assert files.configuration.said["model_type"] == "personaplex"
    assert files.model.read_bytes() == FILES[MODEL]
    assert files.codec.read_bytes() == FILES[MIMI]
    assert files.tokenizer.read_bytes() == FILES[TOKENIZER]
    assert files.voices is not None
    assert files.voices.read_bytes() == b"voices"
    hub.requests.clear()
    assert fetch(repository(hub, cache)) == files
    assert {method for method, _, _ in hub.requests} == {"HEAD"}


def test_a_model_may_come_without_configuration_and_voices(hub: Hub, cache: Path) -> None:
    del hub.files["config.json"], hub.files["voices.tgz"]
    files = fetch(repository(hub, cache))
    assert (files.configuration.said, files.voices) == ({}, None)


def test_the_configuration_names_the_other_files(hub: Hub, cache: Path) -> None:
    hub.files |= {"config.json": b'{"moshi_name": "moshi.safetensors"}', "moshi.safetensors": b"moshi"}
    assert fetch(repository(hub, cache)).model.read_bytes() == b"moshi"


def test_what_cannot_be_run_is_refused_before_anything_large_is_fetched(hub: Hub, cache: Path) -> None:
    hub.files["config.json"] = b'{"quantize": true}'
    with pytest.raises(NotSupported, match="quantize"):
        fetch(repository(hub, cache))
    assert [path.rsplit("/", 1)[1] for _, path, _ in hub.requests if _ != "HEAD"] == ["config.json"] * 3


def test_a_commit_can_be_named_and_is_then_not_asked_for_again(hub: Hub, cache: Path) -> None:
    path = repository(hub, cache, revision=COMMIT).get(TOKENIZER)
    assert COMMIT in path.parts
    hub.requests.clear()
    assert repository(hub, cache, revision=COMMIT).get(TOKENIZER) == path
    assert hub.requests == []


def test_a_download_that_breaks_off_goes_on_where_it_ended(
    hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 50_000)
    hub.drops = [100_000, 100_000]
    assert repository(hub, cache).get(MODEL).read_bytes() == FILES[MODEL]
    assert hub.sent(MODEL) == [None, "bytes=100000-", "bytes=200000-"]


def test_a_first_start_tells_each_file_and_a_second_that_it_is_here(
    hub: Hub, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "services")
    fetch(repository(hub, cache))
    assert told(caplog) == [
        (what, name) for name in small_first() for what in ("a file is fetched", "a file has come")
    ]
    caplog.clear()
    fetch(repository(hub, cache))
    assert told(caplog) == [("a file is here already", name) for name in small_first()]


def test_a_download_that_breaks_off_goes_on_being_counted(
    hub: Hub, cache: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO", "services")
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 128_000)
    hub.drops = [256_000]
    repository(hub, cache).get(MODEL)
    coming = [record for record in caplog.records if record.message == "a file comes"]
    assert [fields(record, pii=False)["percent"] for record in coming] == [25, 50, 75, 100]


def small_first() -> list[str]:
    return ["config.json", TOKENIZER, "voices.tgz", MIMI, MODEL]


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, object]]:
    """What the log says, and of which file."""
    return [(record.message, fields(record, pii=False)["file"]) for record in caplog.records]


def test_a_token_opens_a_gated_repository(hub: Hub, cache: Path) -> None:
    hub.gated, hub.tokens = True, {"hf_good": True}
    assert repository(hub, cache, token="hf_good").get(MODEL).read_bytes() == FILES[MODEL]
    assert hub.shown_to_store == []


def test_the_token_of_a_login_does_too(hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.gated, hub.tokens = True, {"hf_good": True}
    monkeypatch.setattr("services.speech.hub.get_token", lambda: "hf_good")
    assert repository(hub, cache).get(TOKENIZER).read_bytes() == b"pieces"


class Refusal(NamedTuple):
    """How the hub stands, what is asked of it, and what has to be said."""

    hub: dict[str, object]
    asked: dict[str, str]
    error: type[SpeechError]
    words: str


REFUSALS = {
    "no token": Refusal(
        {"gated": True},
        {},
        NoToken,
        f"{NAME} is gated: accept its licence at http.*/{NAME}, make a token .*/settings/tokens, and set HF_TOKEN",
    ),
    "unknown token": Refusal(
        {"gated": True}, {"token": "hf_old"}, BadToken, "not, or no longer, valid; make another at"
    ),
    "licence": Refusal(
        {"gated": True, "tokens": {"hf_new": False}},
        {"token": "hf_new"},
        LicenceNotAccepted,
        f"accept the licence at http.*/{NAME}",
    ),
    "no repository": Refusal(
        {}, {"name": "nvidia/other"}, RepositoryMissing, "nvidia/other is not there, or private.*HF_TOKEN"
    ),
    "no repository for this token": Refusal(
        {"tokens": {"hf_good": True}},
        {"name": "nvidia/other", "token": "hf_good"},
        RepositoryMissing,
        "nvidia/other is not there, or private; correct SPEECH_REPOSITORY",
    ),
    "no name": Refusal({}, {"name": "a/b/c"}, RepositoryMissing, "'a/b/c' is no name of a repository"),
    "no revision": Refusal({}, {"revision": "v9"}, RepositoryMissing, f"{NAME} has no revision v9"),
    "no file": Refusal({"files": {}}, {}, FileMissing, f"{NAME} has no {MODEL} at the revision main"),
    "ill": Refusal({"status": 503}, {}, HubAway, "answers with status 503.*is not in .*cache.*SPEECH_FOLDER"),
    "no hub": Refusal({"is_hub": False}, {}, HubAway, "is not the hub"),
    "lost bytes": Refusal({"missing_bytes": 5}, {}, DownloadBroken, f"{MODEL} of {NAME}: .*Start again"),
    "broken line": Refusal({"drops": [0] * 6}, {}, DownloadBroken, f"{MODEL} of {NAME}: .*Start again"),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_refusal_is_a_sentence_of_its_own(hub: Hub, cache: Path, refusal: Refusal) -> None:
    for key, value in refusal.hub.items():
        setattr(hub, key, value)
    with pytest.raises(SpeechError, match=f"(?s){refusal.words}") as error:
        repository(hub, cache, **refusal.asked).get(MODEL)
    assert type(error.value) is refusal.error
    assert "hf_" not in error.value.detail, "a token is never shown"
    assert not list(cache.rglob("*.incomplete"))


def test_without_a_network_the_cache_is_enough(hub: Hub, cache: Path) -> None:
    fetched = repository(hub, cache).get(MODEL)
    hub.endpoint = "http://127.0.0.1:1"
    assert repository(hub, cache).get(MODEL) == fetched


def test_without_a_network_a_model_without_voices_is_taken_from_the_cache(hub: Hub, cache: Path) -> None:
    del hub.files["config.json"], hub.files["voices.tgz"]
    fetched = fetch(repository(hub, cache))
    hub.endpoint = "http://127.0.0.1:1"
    assert fetch(repository(hub, cache)) == fetched


def test_without_a_network_and_a_cache_the_way_out_is_told(hub: Hub, cache: Path) -> None:
    hub.endpoint = "http://127.0.0.1:1"
    with pytest.raises(HubAway, match=r"http://127\.0\.0\.1:1: .*refused.*connect this machine, or put"):
        repository(hub, cache).get(MODEL)


def test_a_licence_that_was_withdrawn_leaves_the_cache(hub: Hub, cache: Path) -> None:
    fetched = repository(hub, cache).get(MODEL)
    hub.gated = True
    assert repository(hub, cache).get(MODEL) == fetched


def test_offline_mode_is_named(hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.is_offline_mode", lambda: True)
    with pytest.raises(HubAway, match="HF_HUB_OFFLINE is set"):
        repository(hub, cache).get(MODEL)


def test_room_on_the_disk_is_looked_at_first(hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=100_000))
    with pytest.raises(
        DiskFull, match=r"safetensors has 0\.5 MB, and 0\.1 MB are free in .*cache: make room"
    ):
        repository(hub, cache).get(MODEL)
    assert hub.sent(MODEL) == []


def test_a_disk_that_fills_up_meanwhile_is_told(
    hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every write to this device fails as on a full disk.
    full = Path("/dev/full")
    monkeypatch.setattr("huggingface_hub.file_download.http_get", lambda *_, **__: full.write_bytes(b"x"))
    with pytest.raises(DiskFull, match=f"{MODEL} did not fit into .*cache: make room"):
        repository(hub, cache).get(MODEL)


def test_a_download_by_xet_that_breaks_off_is_told(
    hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> str:
        raise RuntimeError("Data processing error: CAS service error")  # As hf_xet, the hub's own transport.

    monkeypatch.setattr("services.speech.hub.hf_hub_download", broken)
    with pytest.raises(DownloadBroken, match=f"{MODEL} of {NAME}: Data .* service error. Start again"):
        repository(hub, cache).get(MODEL)


def test_a_cache_that_cannot_be_written_is_told(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CacheClosed, match=r"file/cache: Not a directory; set HF_HOME"):
        repository(hub, tmp_path / "file" / "cache").get(MODEL)


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    files = fetch(Folder(tmp_path))
    assert files.model == tmp_path / MODEL
    assert files.voices == tmp_path / "voices.tgz"
    (tmp_path / "voices").mkdir()
    assert fetch(Folder(tmp_path)).voices == tmp_path / "voices"


def test_a_file_that_is_not_in_the_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match=f"holds no {TOKENIZER}; put it there, or unset SPEECH_FOLDER"):
        fetch(Folder(tmp_path))
    with pytest.raises(FileMissing, match=f"is no folder, so there is no {TOKENIZER}"):
        fetch(Folder(tmp_path / "nowhere"))


def test_the_settings_say_where(tmp_path: Path) -> None:
    settings = SpeechSettings(speech_repository="kyutai/moshiko-pytorch-bf16", hf_token="hf_x")
    assert place(settings) == Repository("kyutai/moshiko-pytorch-bf16", token="hf_x")
    assert place(settings.model_copy(update={"speech_folder": tmp_path})) == Folder(tmp_path)
