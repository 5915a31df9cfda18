"""Pipecat's pipeline without a server of media: a transport of the room's microphone and loudspeaker."""

import asyncio

from example import call
from pipecat.frames.frames import EndWorkerFrame, InputAudioRawFrame, InterruptionFrame
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import BaseTransport, TransportParams

PACKAGES = ("pipecat-ai", "websockets")
RATE = 24_000


class Ears(BaseInputTransport):
    """Hears what the room's microphone hears."""

    def __init__(self, params, microphone):
        super().__init__(params)
        self._microphone = microphone

    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)
        self.create_task(self._listen())

    async def _listen(self):
        async for pcm in self._microphone:
            await self.push_audio_frame(InputAudioRawFrame(audio=pcm, sample_rate=RATE, num_channels=1))
        await self.push_frame(EndWorkerFrame(), FrameDirection.UPSTREAM)


class Mouth(BaseOutputTransport):
    """Takes sound in real time, as a device does: what an interruption finds waiting is dropped by Pipecat itself."""

    def __init__(self, params, loudspeaker):
        super().__init__(params)
        self._loudspeaker, self._due = loudspeaker, 0.0

    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def process_frame(self, frame, direction):
        if isinstance(frame, InterruptionFrame):
            self._loudspeaker.stop()
        await super().process_frame(frame, direction)

    async def write_audio_frame(self, frame):
        self._loudspeaker.play(frame.audio)
        clock = asyncio.get_running_loop().time
        self._due = max(self._due, clock()) + len(frame.audio) / 2 / RATE
        await asyncio.sleep(self._due - clock())
        return True


class Room(BaseTransport):
    """In place of WebRTC or a telephone."""

    def __init__(self, microphone, loudspeaker):
        super().__init__()
        params = TransportParams(
            audio_in_enabled=True,
            audio_in_sample_rate=RATE,
            audio_out_enabled=True,
            audio_out_sample_rate=RATE,
            audio_out_end_silence_secs=0,
        )
        self._ears, self._mouth = Ears(params, microphone), Mouth(params, loudspeaker)

    def input(self):
        return self._ears

    def output(self):
        return self._mouth


async def talk(url, key, microphone, loudspeaker, tell):
    await call(url, key, Room(microphone, loudspeaker), tell)
