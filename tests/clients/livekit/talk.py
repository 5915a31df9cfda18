"""LiveKit's agent session without a LiveKit server: the room's microphone and loudspeaker are its input and output."""

import asyncio

from example import call
from livekit import rtc
from livekit.agents.voice.avatar import AudioSegmentEnd, QueueAudioOutput
from livekit.agents.voice.io import AudioInput

PACKAGES = ("livekit-agents", "livekit-plugins-openai", "livekit")
RATE = 24_000


class Microphone(AudioInput):
    """What the room's microphone hears."""

    def __init__(self, source):
        super().__init__(label="microphone")
        self._source = source
        self.ended = asyncio.Event()

    async def __anext__(self):
        try:
            pcm = await anext(self._source)
        except StopAsyncIteration:
            self.ended.set()
            raise
        return rtc.AudioFrame(pcm, RATE, 1, len(pcm) // 2)


class Player:
    """Plays in real time what the session puts out, and reports to it how much of each piece was played."""

    def __init__(self, output, loudspeaker):
        self._output, self._loudspeaker = output, loudspeaker
        self._played = 0.0
        self._playing = False
        output.on("clear_buffer", self._stop)

    async def play(self):
        clock = asyncio.get_running_loop().time
        due = 0.0
        async for frame in self._output:
            if isinstance(frame, AudioSegmentEnd):
                self._report(interrupted=False)
                continue
            self._playing = True
            self._loudspeaker.play(bytes(frame.data))
            self._played += frame.duration
            due = max(due, clock()) + frame.duration
            await asyncio.sleep(due - clock())

    def _stop(self):
        self._loudspeaker.stop()
        self._report(interrupted=True)

    def _report(self, interrupted):
        if self._playing:
            self._output.notify_playback_finished(playback_position=self._played, interrupted=interrupted)
        self._played, self._playing = 0.0, False


async def talk(url, key, microphone, loudspeaker, tell):
    ears, mouth = Microphone(microphone), QueueAudioOutput(sample_rate=RATE)
    playing = asyncio.create_task(Player(mouth, loudspeaker).play())
    session = await call(url, key, ears, mouth, tell)
    await ears.ended.wait()
    await session.aclose()
    await session.llm.aclose()
    playing.cancel()
