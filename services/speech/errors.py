"""What can be wrong with a model's files, the machine, or a voice that is asked for. Each says what to do next."""

from services.base.problems import NotFound, Problem


class SpeechError(Problem):
    """Root. A model that can't be loaded is our own fault, or our operator's: 500."""

    code, title = "speech", "The duplex model cannot be used"


class FileMissing(SpeechError):
    """A file is not in the folder or the repository."""

    code, title = "file_missing", "A file of the model is missing"


class FileBroken(SpeechError):
    """A file is cut off, or something else than its name says."""

    code, title = "file_broken", "A file of the model cannot be read"


class WrongTensors(SpeechError):
    """Tensors of a checkpoint are missing, of another shape or quantized: it is another model's."""

    code, title = "wrong_tensors", "The checkpoint is of another model"


class NotSupported(SpeechError):
    """The model needs something that this engine does not do."""

    code, title = "model_not_supported", "The model cannot be run here"


class NoGpu(SpeechError):
    """The device that is asked for is not there, or can't compute what it has to."""

    code, title = "no_gpu", "There is no such GPU"


class TooLittleMemory(SpeechError):
    """The weights do not fit into what is free."""

    code, title = "too_little_memory", "There is too little memory"


class NoToken(SpeechError):
    """The repository is gated, and no token was shown."""

    code, title = "hub_token_missing", "The hub asks for a token"


class BadToken(SpeechError):
    """The hub does not know the token."""

    code, title = "hub_token_wrong", "The hub refuses the token"


class LicenceNotAccepted(SpeechError):
    """The token's account may not read the gated repository yet."""

    code, title = "licence_not_accepted", "The licence has to be accepted first"


class RepositoryMissing(SpeechError):
    """No such repository or revision, or a private one."""

    code, title = "repository_missing", "The hub has no such repository"


class HubAway(SpeechError):
    """The hub can't be reached or does not answer as it should, and the file is not in the cache."""

    code, title = "hub_away", "The hub cannot be reached"


class DiskFull(SpeechError):
    """The file does not fit onto the disk."""

    code, title = "disk_full", "The disk is full"


class CacheClosed(SpeechError):
    """The hub's cache can't be written."""

    code, title = "cache_closed", "The cache cannot be written"


class DownloadBroken(SpeechError):
    """A download ended before the file did."""

    code, title = "download_broken", "The download broke off"


class VoiceBroken(SpeechError):
    """A voice's file holds no voice of this model."""

    code, title = "voice_broken", "The voice cannot be used"


class UnknownVoice(NotFound):
    """A caller asks for a voice that is not there: the caller's fault."""

    code, title = "unknown_voice", "There is no such voice"
