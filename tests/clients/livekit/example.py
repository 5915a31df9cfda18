from livekit.agents import Agent, AgentSession
from livekit.plugins import openai


async def call(url, key, microphone, loudspeaker, tell=print):
    def added(event):
        if event.item.type == "message":
            tell("user" if event.item.role == "user" else "agent", event.item.text_content)

    model = openai.realtime.RealtimeModel(base_url=f"{url}/v1", api_key=key)
    session = AgentSession(llm=model, vad=None, turn_handling={"turn_detection": "realtime_llm"})
    session.input.audio, session.output.audio = microphone, loudspeaker
    session.on("conversation_item_added", added)
    session.on("error", lambda event: tell("error", str(event.error)))
    await session.start(Agent(instructions="You are Myca."))
    return session
