import asyncio
from base64 import b64decode, b64encode

from openai import AsyncOpenAI


async def talk(url, key, microphone, loudspeaker, tell=print):
    client = AsyncOpenAI(base_url=f"{url}/v1", api_key=key)
    async with client.realtime.connect(model="gpt-realtime") as call, asyncio.TaskGroup() as tasks:
        tools = [{"type": "mcp", "server_label": "antiphon", "server_url": url}]
        await call.session.update(session={"type": "realtime", "tools": tools})
        tasks.create_task(listen(call, microphone))
        async for event in call:
            match event.type:
                case "response.output_audio.delta":
                    loudspeaker.play(b64decode(event.delta))
                case "input_audio_buffer.speech_started":
                    loudspeaker.stop()
                case "conversation.item.input_audio_transcription.completed":
                    tell("user", event.transcript)
                case "response.output_audio_transcript.done":
                    tell("agent", event.transcript)
                case "conversation.item.done" if event.item.type == "mcp_call":
                    tell("tool", event.item.name)
                case "error":
                    tell("error", event.error.message)


async def listen(call, microphone):
    async for pcm in microphone:
        await call.input_audio_buffer.append(audio=b64encode(pcm).decode())
    await call.close()
