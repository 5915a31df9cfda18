"""Streams between us and sphn, which stock servers and clients are made with."""

import numpy as np
import sphn

from services.speech.opus import OpusReader, OpusWriter
from services.speech.opus.codec import Codec
from services.speech.shapes import FRAME_SAMPLES
from tests.services.speech.opus.streaming import energy, frames, likeness, resemblance, speech


def test_a_stock_client_hears_each_frame_with_its_message(codec: Codec) -> None:
    writer, stock = OpusWriter(codec), sphn.OpusStreamReader(24_000)
    back = [stock.append_bytes(writer.write(frame)) for frame in frames(speech())]
    assert {len(part) for part in back} == {FRAME_SAMPLES}
    assert resemblance(speech(), np.concatenate(back), codec.encoder().lookahead) > 0.97


def test_a_stock_client_is_heard_with_each_message(codec: Codec) -> None:
    stock, reader = sphn.OpusStreamWriter(24_000), OpusReader(codec)
    back = [reader.read(bytes(stock.append_pcm(frame))) for frame in frames(speech())]
    assert {len(part) for part in back} == {FRAME_SAMPLES}
    assert energy(np.concatenate(back)) > 0.8 * energy(speech())


def test_we_hear_a_stock_client_as_a_stock_server_does(codec: Codec) -> None:
    stock, ours, theirs = sphn.OpusStreamWriter(24_000), OpusReader(codec), sphn.OpusStreamReader(24_000)
    messages = [bytes(stock.append_pcm(frame)) for frame in frames(speech())]
    wanted = np.concatenate([theirs.append_bytes(message) for message in messages])
    heard = np.concatenate([ours.read(message) for message in messages])
    # Versions of libopus differ a little.
    assert likeness(wanted, heard, 0) > 0.999
