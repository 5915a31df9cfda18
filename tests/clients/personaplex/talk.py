"""LiveKit's NVIDIA plug-in, unpatched, on a speech server: talk.py URL MICROPHONE.wav LOUDSPEAKER.wav.

The microphone is played in real time. What the agent said is printed as JSON; its sound is the loudspeaker.
"""

import asyncio
import json
import sys
import wave
from importlib.metadata import version

import aiohttp
from livekit import rtc
from livekit.plugins.nvidia.experimental.realtime import RealtimeModel

PACKAGES = ("livekit-plugins-nvidia", "livekit-agents", "sphn")
RATE = 24_000
FRAME = 480
AFTER_S = 60.0


async def main(url, microphone, loudspeaker):
    heard, words, readers = bytearray(), [], []
    failures = []
    enough = asyncio.Event()

    def generation(event):
        async def read():
            async for message in event.message_stream:
                readers.append(asyncio.create_task(listen(message)))
                readers.append(asyncio.create_task(read_words(message)))

        readers.append(asyncio.create_task(read()))

    async def listen(message):
        async for frame in message.audio_stream:
            heard.extend(bytes(frame.data))
            if len(heard) >= len(sound) * 0.8:
                enough.set()

    async def read_words(message):
        words.extend([text async for text in message.text_stream])

    with wave.open(microphone) as file:
        sound = file.readframes(file.getnframes())
    async with aiohttp.ClientSession() as http:
        model = RealtimeModel(
            base_url=url, voice="NATM1", text_prompt="You are kind.", seed=7, http_session=http
        )
        session = model.session()
        session.on("generation_created", generation)
        session.on("error", lambda error: failures.append(str(error.error)))
        for start in range(0, len(sound), 2 * FRAME):
            pcm = sound[start : start + 2 * FRAME]
            session.push_audio(rtc.AudioFrame(pcm, RATE, 1, len(pcm) // 2))
            await asyncio.sleep(FRAME / RATE)
        await asyncio.wait_for(enough.wait(), AFTER_S)
        await session.aclose()
        await asyncio.wait(readers, timeout=5)
    with wave.open(loudspeaker, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(bytes(heard))
    versions = {name: version(name) for name in PACKAGES}
    print(json.dumps({"words": "".join(words), "failures": failures, "versions": versions}))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
