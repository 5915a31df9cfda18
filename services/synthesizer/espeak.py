"""eSpeak NG by ctypes: one text to PCM16 and to the places at which its words begin.

eSpeak NG is GPL-3: this module alone loads it, in the synthesizer's process alone, and nothing else may import
this module. The library keeps its state in globals, so one thread must make and use an `Espeak`.
Names and numbers: `speak_lib.h` of eSpeak NG 1.52.
"""

import ctypes
import os
import tempfile
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import espeakng_loader
import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.int16]
"""[samples], mono."""

BUFFER_MS = 20
"""So much sound a callback brings: how soon a cancelled text stops."""
DEFAULT_WPM = 175
DEFAULT_PITCH = 50
WPM_RANGE = (80, 450)
PITCH_RANGE = (0, 100)
LONGEST_PATH = 120
"""eSpeak copies its data path into a buffer of 160 bytes, file names and all, cuts what is longer without a word,
and is silent then. The longest name below the folder has 34 bytes."""

SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS
DONT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT: else the library ends the process on missing data
RATE, PITCH = 1, 3  # espeak_PARAMETER
BY_CHARACTER = 1  # POS_CHARACTER
UTF8 = 1  # espeakCHARS_UTF8; neither espeakSSML nor espeakPHONEMES: markup is only text
END_PAUSE = 0x1000  # espeakENDPAUSE
LIST_TERMINATED, WORD = 0, 1  # espeak_EVENT_TYPE
GENDERS = {1: "male", 2: "female"}


class EspeakError(Exception):
    """eSpeak cannot be had, or refused; the message says what and with which status."""


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True, slots=True)
class EspeakVoice:
    """A language of eSpeak's, or a variant that recolours any of them (`en-us+f3`)."""

    name: str
    """The language's code (`en-us`), or the variant's (`f3`)."""
    title: str
    gender: str
    identifier: str
    """The voice's file below eSpeak's data."""


@dataclass(frozen=True, slots=True)
class Mark:
    """eSpeak begins a word: character `position` of the text (from 0) sounds at sample `at`."""

    position: int
    at: int


@dataclass(frozen=True, slots=True)
class Sound:
    """What came of one text."""

    pcm: Pcm
    marks: tuple[Mark, ...]


class Espeak:
    """The library, loaded. Not re-entrant, and one to a process."""

    def __init__(self, data: Path | None = None) -> None:
        """Load library and data (those of `espeakng-loader` unless `data` says otherwise).

        Raises:
            EspeakError: when either cannot be read.
        """
        self._link: tempfile.TemporaryDirectory[str] | None = None
        self._library = _declared(espeakng_loader.get_library_path())
        self._data = data or Path(espeakng_loader.get_data_path())
        path = self._short(self._data)
        self.rate: int = self._library.espeak_Initialize(SYNCHRONOUS, BUFFER_MS, os.fsencode(path), DONT_EXIT)
        """Samples a second of what `speak` makes."""
        if self.rate <= 0:
            self.close()
            raise EspeakError(f"eSpeak NG found no data at {path} (status {self.rate})")
        self.languages = self._listed(None)
        self.variants = self._listed("variant")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Unload the data."""
        self._library.espeak_Terminate()
        if self._link:
            self._link.cleanup()

    def knows(self, voice: str) -> bool:
        """Whether `voice` is a language, or a language and a variant (`en-us+f3`), that there is."""
        language, plus, variant = voice.partition("+")
        return language in self.languages and (not plus or variant in self.variants)

    def speak(
        self,
        text: str,
        voice: str,
        speed: float = 1.0,
        pitch: float = 1.0,
        end_pause: bool = False,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Sound:
        """Say `text` in one go, some 700 times faster than real time.

        Args:
            voice: one that `knows` says yes to.
            speed: 1 is 175 words a minute; held within what eSpeak can do.
            pitch: 1 is the variant's own.
            end_pause: whether the pause that belongs after a sentence is made too.
            cancelled: asked every `BUFFER_MS` of sound; once true, what was made so far comes back.

        Raises:
            EspeakError: for a voice that there isn't, or when eSpeak refuses.
        """
        self._choose(voice, speed, pitch)
        blocks: list[Pcm] = []
        marks: list[Mark] = []

        def take(block: int | None, count: int, events: Any) -> int:
            if block and count:
                samples = (ctypes.c_int16 * count).from_address(block)
                blocks.append(np.array(samples, np.int16))
            index = 0
            while (event := events[index]).type != LIST_TERMINATED:
                if event.type == WORD:
                    marks.append(Mark(event.text_position - 1, event.sample))
                index += 1
            return int(cancelled())

        callback = _Callback(take)
        self._library.espeak_SetSynthCallback(callback)
        raw = _harmless(text).encode("utf-8", "replace")
        flags = UTF8 | (END_PAUSE if end_pause else 0)
        self._expect(
            self._library.espeak_Synth(raw, len(raw) + 1, 0, BY_CHARACTER, 0, flags, None, None), "speak"
        )
        return Sound(np.concatenate(blocks) if blocks else np.zeros(0, np.int16), tuple(marks))

    def _choose(self, voice: str, speed: float, pitch: float) -> None:
        # eSpeak takes unknown variants and paths for good; only names that it listed itself get there.
        if not self.knows(voice):
            raise EspeakError(f"eSpeak NG has no voice {voice!r}")
        language, _, variant = voice.partition("+")
        # By file, since some codes (`en-gb`) are no names for espeak_SetVoiceByName.
        name = self.languages[language].identifier
        if variant:
            name += "+" + self.variants[variant].identifier.removeprefix("!v/")
        self._expect(self._library.espeak_SetVoiceByName(name.encode()), f"take the voice {name}")
        # A voice brings its own rate and pitch, so these come after it.
        wpm = int(np.clip(round(speed * DEFAULT_WPM), *WPM_RANGE))
        level = int(np.clip(round(pitch * DEFAULT_PITCH), *PITCH_RANGE))
        self._expect(self._library.espeak_SetParameter(RATE, wpm, 0), "set the rate")
        self._expect(self._library.espeak_SetParameter(PITCH, level, 0), "set the pitch")

    def _expect(self, status: int, what: str) -> None:
        if status != 0:
            raise EspeakError(f"eSpeak NG would not {what} (status {status})")

    def _short(self, data: Path) -> Path:
        """`data` itself, or a link to it whose path eSpeak can hold."""
        if len(os.fsencode(data)) <= LONGEST_PATH:
            return data
        self._link = tempfile.TemporaryDirectory(prefix="espeak-")
        link = Path(self._link.name) / "espeak-ng-data"
        link.symlink_to(data, target_is_directory=True)
        if len(os.fsencode(link)) > LONGEST_PATH:
            raise EspeakError(f"TMPDIR is too long for eSpeak NG's data: {link}")
        return link

    def _listed(self, kind: str | None) -> dict[str, EspeakVoice]:
        """eSpeak's voices by name: all languages, or those whose language is `kind`."""
        wanted = ctypes.byref(_Voice(languages=kind.encode())) if kind else None
        voices = self._library.espeak_ListVoices(wanted)
        found: dict[str, EspeakVoice] = {}
        index = 0
        while voices[index]:
            voice = voices[index].contents
            identifier = os.fsdecode(voice.identifier)
            # `languages` holds pairs of a byte, its priority, and a code that ends in NUL: the first is its own.
            name = identifier.removeprefix("!v/") if kind else voice.languages[1:].decode()
            title = voice.name.decode("utf-8", "replace")
            if kind or self._has_dictionary(identifier):
                gender = GENDERS.get(voice.gender, "neutral")
                found.setdefault(name, EspeakVoice(name, title, gender, identifier))
            index += 1
        return found

    def _has_dictionary(self, identifier: str) -> bool:
        # A few languages come without one (Faroese), and eSpeak then says nothing, without an error.
        language = self._data / "lang" / identifier
        words = language.read_text(encoding="utf-8", errors="replace").split()
        named = words[words.index("dictionary") + 1] if "dictionary" in words else language.name.split("-")[0]
        return (self._data / f"{named.lower()}_dict").is_file()


def _harmless(text: str) -> str:
    """`text` with a space for each control character, which eSpeak takes for orders (0x01) or its end (0x00).

    The length stays, so positions still fit.
    """
    return "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)


def _declared(path: str) -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise EspeakError(f"eSpeak NG cannot be loaded: {error}") from error
    library.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
    library.espeak_SetSynthCallback.argtypes = [_Callback]
    library.espeak_SetSynthCallback.restype = None
    library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
    library.espeak_SetParameter.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int]
    library.espeak_ListVoices.argtypes = [ctypes.c_void_p]
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_uint,
        ctypes.c_void_p,
        ctypes.c_void_p,
    ]
    return library
