"""A call whose client sends back what it hears, as a bare loudspeaker does."""

import asyncio
import base64
from collections.abc import AsyncGenerator

import numpy as np

from gateway.ports import Sound
from gateway.session import effects as do
from gateway.session import events as on
from gateway.session.clock import ms, samples
from gateway.store import rows
from personas.model import Voice
from tests.gateway.harness import PATIENCE, Client, Gateway, TestVoice, Watch

WORD = samples(200)
LATE = samples(150)


class HissingVoice(TestVoice):
    """Each word is 200 ms of other noise, so that no piece of it is like another."""

    async def speak(self, text: str, voice: Voice) -> AsyncGenerator[Sound, None]:
        noise = np.random.default_rng(1)
        for place, word in enumerate(text.split()):
            pcm = (noise.standard_normal(WORD) * 3000).astype("<i2").tobytes()
            yield Sound(pcm, (on.Word(word, place * WORD, (place + 1) * WORD),))


async def echoed(client: Client) -> None:
    """Send each piece of the agent's sound back, 20 dB weaker, until its response is done."""
    while True:
        event = await client.until("response.output_audio.delta")
        loud = np.frombuffer(base64.b64decode(event["delta"]), "<i2")
        await client.send("input_audio_buffer.append", audio=encoded((loud * 0.1).astype("<i2")))


def encoded(pcm: "np.typing.NDArray[np.int16]") -> str:
    return base64.b64encode(pcm.tobytes()).decode()


async def test_the_agent_s_own_sound_is_silence_to_the_ears_and_a_row() -> None:
    async with Gateway() as gateway:
        gateway.parts.voice = HissingVoice()
        client, ears = await gateway.client()
        call = gateway.call()
        watch = Watch(call)
        heard: list[bytes] = []
        ears.hear = heard.append  # type: ignore[method-assign, assignment]
        await client.send("input_audio_buffer.append", audio=encoded(np.zeros(LATE, np.int16)))
        await client.text("say a lot of words so that there is an echo of them all to hear please")
        echoing = asyncio.create_task(echoed(client))
        await watch.until(do.AgentEnded)
        fact = await watch.until(do.EchoSuppressed)
        echoing.cancel()
        await asyncio.wait({echoing})
        ended = next(f for f in watch.facts if isinstance(f, do.AgentEnded))
        assert fact.turn_id == ended.turn_id
        assert ms(fact.silenced) > 1000
        assert -25 < fact.level_db < -15
        sound = np.frombuffer(b"".join(heard), "<i2")
        assert np.count_nonzero(sound) < len(sound) / 2
        row = next(row for row in gateway.rows if isinstance(row, rows.BargeInRow))
        assert (row.kind, row.turn_id) == ("echo", ended.turn_id)
        assert not any(isinstance(f, do.Ducked) for f in watch.facts)
        async with asyncio.timeout(PATIENCE):
            await client.socket.close()
