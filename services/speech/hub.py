"""The files of a model: out of a folder, or from the Hugging Face hub by way of its cache.

Of none of them we know a hash. The hub's client compares sizes, and whoever reads a file checks that it is whole:
`header`, `configuration`, `tokenizer`, `voices`.
"""

import errno
import logging
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants, get_hf_file_metadata, get_token, hf_hub_download, hf_hub_url
from huggingface_hub import try_to_load_from_cache as find_in_cache
from huggingface_hub.errors import (  # type: ignore[attr-defined]
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,  # httpx's or httpx2's: its version decides.
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from services.speech.configuration import NOTHING, Configuration, read_configuration
from services.speech.errors import (
    BadToken,
    CacheClosed,
    DiskFull,
    DownloadBroken,
    FileMissing,
    HubAway,
    LicenceNotAccepted,
    NoToken,
    RepositoryMissing,
    SpeechError,
)
from services.speech.machine import amount
from services.speech.progress import Progress
from services.speech.settings import SpeechSettings

log = logging.getLogger(__name__)

CONFIGURATION = "config.json"
VOICES = "voices"
"""A folder; `voices.tgz` where it is still packed."""
ANSWER_S = 10.0
"""What the hub gets to tell of a file."""
COMMIT = re.compile("[0-9a-f]{40}")
TOKENS = "https://huggingface.co/settings/tokens"


@dataclass(frozen=True, slots=True)
class Files:
    """A model's files, all of them on this machine."""

    configuration: Configuration
    model: Path
    codec: Path
    tokenizer: Path
    voices: Path | None
    """A folder or an archive. None: the model has none, as Moshi."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder with the files of a repository."""

    path: Path

    def get(self, name: str) -> Path:
        """
        Raises:
            FileMissing: it has no such file.
        """
        if path := self.local(name):
            return path
        there = "holds no" if self.path.is_dir() else "is no folder, so there is no"
        raise FileMissing(f"{self.path} {there} {name}; put it there, or unset SPEECH_FOLDER to fetch it")

    def local(self, name: str) -> Path | None:
        """The file, if it is there."""
        path = self.path / name
        return path if path.exists() else None


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository on the hub."""

    name: str
    revision: str = "main"
    token: str = ""
    """Empty: the one of `hf auth login`, if there was one."""
    endpoint: str | None = None
    """None: HF_ENDPOINT, which is huggingface.co if not set."""
    cache: Path | None = None
    """None: HF_HUB_CACHE, which is in HF_HOME if not set."""

    def get(self, name: str) -> Path:
        """Take a file from the hub, or from the cache if it has not changed or the hub does not let us ask.

        Raises:
            SpeechError: in words that say what to do.
        """
        cached = self.local(name)
        if cached and COMMIT.fullmatch(self.revision):
            return cached  # What stands there never changes.
        try:
            size = self.size(name)
        except FileMissing:
            raise
        except SpeechError as error:
            if cached is None:
                raise
            log.warning("a file is taken from the cache, unasked", extra={"file": name, "why": error.detail})
            return cached
        if cached is None:
            self.check_room(name, size)
        progress = Progress(name, size)
        try:
            fetched = hf_hub_download(
                self.name,
                name,
                revision=self.revision,
                token=self._token,
                endpoint=self.endpoint,
                cache_dir=self._cache,
                etag_timeout=ANSWER_S,
                tqdm_class=progress.bar(),
            )
        except (OSError, HTTPError, RuntimeError) as error:  # The last is hf_xet's, which brings large files.
            raise self._broke(name, error) from error
        progress.end()
        return Path(fetched)

    def local(self, name: str) -> Path | None:
        """The file in the cache, of the last revision that was fetched; None if it is not there."""
        try:
            found = find_in_cache(self.name, name, cache_dir=self._cache, revision=self.revision)
        except HFValidationError as error:
            raise RepositoryMissing(f"{self.name!r} is no name of a repository") from error
        return Path(found) if isinstance(found, str) else None

    def size(self, name: str) -> int:
        """Ask the hub how large a file is, in bytes: whether it can be had at all.

        Raises:
            SpeechError: in words that say what to do.
        """
        url = hf_hub_url(self.name, name, revision=self.revision, endpoint=self.endpoint)
        try:
            told = get_hf_file_metadata(url, token=self._token, timeout=ANSWER_S, endpoint=self.endpoint)
        except (OSError, HTTPError) as error:
            raise self._refused(name, error) from error
        if told.commit_hash is None or told.size is None:
            raise HubAway(
                f"what answers at {self._host} is not the hub; correct HF_ENDPOINT, or sign in there"
            )
        return told.size

    @property
    def _token(self) -> str | bool:
        return self.token or get_token() or False

    @property
    def _host(self) -> str:
        return self.endpoint or constants.ENDPOINT

    @property
    def _cache(self) -> Path:
        return self.cache or Path(constants.HF_HUB_CACHE)

    def check_room(self, what: str, size: int) -> None:
        """
        Raises:
            DiskFull: the cache has not so many bytes free.
        """
        cache = self._cache.absolute()
        there = next(folder for folder in (cache, *cache.parents) if folder.exists())
        if (free := shutil.disk_usage(there).free) < size:
            raise self._full(f"{what} has {amount(size)}, and {amount(free)} are free in {cache}")

    def _refused(self, name: str, error: Exception) -> SpeechError:
        """Why the hub tells nothing of a file."""
        page = f"{self._host}/{self.name}"
        accept = f"accept its licence at {page}, make a token that may read it at {TOKENS}, and set HF_TOKEN"
        status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
        match error:
            case RemoteEntryNotFoundError():
                return FileMissing(f"{self.name} has no {name} at the revision {self.revision}")
            case RevisionNotFoundError():
                return RepositoryMissing(f"{self.name} has no revision {self.revision}; see {page}/commits")
            case _ if status == 401 and self._token:
                return BadToken(f"it is not, or no longer, valid; make another at {TOKENS} and set HF_TOKEN")
            case GatedRepoError() if not self._token:
                return NoToken(f"{self.name} is gated: {accept}")
            case GatedRepoError():
                return LicenceNotAccepted(
                    f"the token's account may not read {self.name}: accept the licence at {page}; "
                    "a fine-grained token also needs the right to read gated repositories"
                )
            case RepositoryNotFoundError() if self._token:
                return RepositoryMissing(f"{self.name} is not there, or private; correct SPEECH_REPOSITORY")
            case RepositoryNotFoundError():
                why = "is not there, or private: correct SPEECH_REPOSITORY, or set HF_TOKEN"
                return RepositoryMissing(f"{self.name} {why}")
            case OfflineModeIsEnabled():
                return self._away(name, "HF_HUB_OFFLINE is set")
            case FileMetadataError():
                return self._away(name, f"what answers at {self._host} is not the hub")
            case _ if status is not None:
                return self._away(name, f"{self._host} answers with status {status}")
            case _:
                return self._away(name, f"{self._host}: {error or type(error).__name__}")

    def _broke(self, name: str, error: Exception) -> SpeechError:
        """Why a file did not come that the hub has told of."""
        match error:
            case HfHubHTTPError():
                return self._refused(name, error)
            case LocalEntryNotFoundError():
                return self._away(name, str(error.__cause__ or error))
            case OSError(errno=errno.ENOSPC | errno.EDQUOT):
                return self._full(f"{name} did not fit into {self._cache}")
            case OSError(errno=int(), strerror=reason):
                return CacheClosed(f"{self._cache}: {reason}; set HF_HOME to a folder that can be written")
            case _:
                why, *_ = str(error).splitlines() or [type(error).__name__]
                return DownloadBroken(f"{name} of {self.name}: {why.rstrip('.')}. Start again")

    def _away(self, name: str, why: str) -> HubAway:
        advice = "connect this machine, or put the model's files into a folder and set SPEECH_FOLDER"
        return HubAway(f"{why}, and {name} of {self.name} is not in {self._cache}; {advice}")

    def _full(self, what: str) -> DiskFull:
        return DiskFull(f"{what}: make room, or set HF_HOME to a folder on another disk")


Place = Folder | Repository


def place(settings: SpeechSettings) -> Place:
    """Where the model's files are to be taken from."""
    if settings.speech_folder is not None:
        return Folder(settings.speech_folder)
    return Repository(settings.speech_repository, settings.speech_revision, settings.hf_token)


def fetch(source: Place) -> Files:
    """Have all files of a model on this machine, the small ones first: what is wrong shows early.

    Raises:
        SpeechError: in words that say what to do.
    """
    path = find(source, CONFIGURATION)
    configuration = read_configuration(path) if path else NOTHING
    tokenizer = source.get(configuration.tokenizer)
    voices = find(source, VOICES) if isinstance(source, Folder) else None
    voices = voices or find(source, f"{VOICES}.tgz")
    codec = source.get(configuration.codec)
    return Files(configuration, source.get(configuration.model), codec, tokenizer, voices)


def find(source: Place, name: str) -> Path | None:
    """A file that a model may do without.

    Raises:
        SpeechError: there is one, and it can't be had.
    """
    try:
        return source.get(name)
    except FileMissing:
        return None
    except HubAway as error:
        # Not in the cache either. So it goes on: a machine off the network may have all that the model needs.
        log.warning("a file is left out", extra={"file": name, "why": error.detail})
        return None
