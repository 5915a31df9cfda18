"""What every mind must do: answer in whole sentences, out of what was heard, and say when it cannot."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import openai
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.conversation import Conversation, Line
from gateway.minds import language_model
from gateway.minds.language_model import LanguageModelMind, new_client
from gateway.minds.small_talk import SmallTalkMind
from gateway.ports import Mind, MindAway
from personas.loader import load
from personas.small_talk import SmallTalkIndex
from services.base.ids import new_id

PATIENCE = 20.0


class ChatServer:
    """A chat-completions server that answers as its test wants."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.pieces = ["Hello", " there. I am", " fine, Dr. Green. And", " you?"]
        self.fails: Callable[[web.StreamResponse], Awaitable[None]] | None = None
        self.status = 200
        self.url = ""

    async def complete(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        if self.status != 200:
            return web.json_response({"error": {"message": "no"}}, status=self.status)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for piece in self.pieces:
            await self.send(response, {"content": piece})
        if self.fails:
            await self.fails(response)
            return response
        await self.send(response, {}, finish="stop")
        await response.write(b"data: [DONE]\n\n")
        return response

    async def send(
        self, response: web.StreamResponse, delta: dict[str, Any], finish: str | None = None
    ) -> None:
        chunk = {
            "id": "c1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        }
        await response.write(f"data: {json.dumps(chunk)}\n\n".encode())

    async def cut(self, response: web.StreamResponse) -> None:
        """The stream breaks off."""
        assert response._req is not None
        assert response._req.transport is not None
        response._req.transport.abort()

    async def rave(self, response: web.StreamResponse) -> None:
        await response.write(b"data: {nonsense\n\n")

    async def stall(self, response: web.StreamResponse) -> None:
        await asyncio.Event().wait()


@pytest.fixture
async def chat() -> AsyncIterator[ChatServer]:
    double = ChatServer()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", double.complete)
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0.1)
    double.url = str(server.make_url("/v1"))
    yield double
    await server.close()


@pytest.fixture
async def client(chat: ChatServer) -> AsyncIterator[openai.AsyncOpenAI]:
    async with new_client(chat.url, "") as client:
        yield client.with_options(max_retries=0)


@pytest.fixture(params=["small_talk", "language_model"])
def mind(request: pytest.FixtureRequest, client: openai.AsyncOpenAI) -> Mind:
    """Each adapter in turn."""
    if request.param == "language_model":
        return LanguageModelMind(client, "m", 100)
    persona = load().persona("plain")
    return SmallTalkMind(persona, SmallTalkIndex(persona.small_talk))


@pytest.fixture
def language_mind(client: openai.AsyncOpenAI) -> LanguageModelMind:
    return LanguageModelMind(client, "m", 100)


def talk(*lines: str) -> Conversation:
    """A conversation in which the user began."""
    conversation = Conversation()
    for place, text in enumerate(lines):
        conversation.add(Line(new_id(), "agent" if place % 2 else "user", text))
    return conversation


async def answered(mind: Mind, conversation: Conversation) -> list[str]:
    async with asyncio.timeout(PATIENCE):
        return [sentence async for sentence in mind.answer(conversation, "Be kind.")]


# Each mind.


async def test_it_answers_in_sentences(mind: Mind) -> None:
    sentences = await answered(mind, talk("hello"))
    assert sentences
    for sentence in sentences:
        assert sentence == sentence.strip()
        assert sentence[-1] in ".?!"


async def test_it_answers_again_and_again(mind: Mind) -> None:
    conversation = talk("hello")
    for _ in range(3):
        assert await answered(mind, conversation)


async def test_who_stops_listening_may_ask_again(mind: Mind) -> None:
    async with asyncio.timeout(PATIENCE), aclosing(mind.answer(talk("hello"), "Be kind.")) as answer:
        await anext(answer)
    assert await answered(mind, talk("hello"))


async def test_it_answers_where_nothing_was_said(mind: Mind) -> None:
    assert await answered(mind, Conversation())


# Small talk.


async def test_small_talk_knows_what_its_persona_was_taught_and_says_so_when_it_does_not() -> None:
    persona = load().persona("plain")
    mind = SmallTalkMind(persona, SmallTalkIndex(persona.small_talk))
    assert " ".join(await answered(mind, talk("thank you very much"))) in (
        "You're welcome.",
        "Sure, any time.",
    )
    unknown = " ".join(await answered(mind, talk("explain the spectral theorem to me")))
    assert unknown in persona.phrases.unknown


async def test_small_talk_does_not_say_the_same_twice_in_a_row() -> None:
    persona = load().persona("plain")
    mind = SmallTalkMind(persona, SmallTalkIndex(persona.small_talk))
    first, second = [" ".join(await answered(mind, talk("hello"))) for _ in range(2)]
    assert first != second


# The language model.


async def test_a_stream_is_cut_into_sentences(language_mind: LanguageModelMind) -> None:
    assert await answered(language_mind, talk("hello")) == [
        "Hello there.",
        "I am fine, Dr. Green.",
        "And you?",
    ]


async def test_the_model_is_told_who_it_is_and_what_was_heard(
    language_mind: LanguageModelMind, chat: ChatServer
) -> None:
    await answered(language_mind, talk("hello", "Good day.", "who are you"))
    asked = chat.asked[0]
    assert (asked["model"], asked["stream"], asked["max_completion_tokens"]) == ("m", True, 100)
    assert asked["messages"][0]["content"].startswith("Be kind.")
    assert [(m["role"], m["content"]) for m in asked["messages"][1:]] == [
        ("user", "hello"),
        ("assistant", "Good day."),
        ("user", "who are you"),
    ]


async def test_of_a_long_call_the_last_turns_are_told(
    language_mind: LanguageModelMind, chat: ChatServer
) -> None:
    await answered(language_mind, talk(*[f"line {n}" for n in range(100)]))
    assert len(chat.asked[0]["messages"]) == 1 + language_model.MOST_TURNS
    assert chat.asked[0]["messages"][-1]["content"] == "line 99"


async def test_the_first_sentence_comes_while_the_rest_is_thought(
    language_mind: LanguageModelMind, chat: ChatServer
) -> None:
    chat.fails = chat.stall
    async with (
        asyncio.timeout(PATIENCE),
        aclosing(language_mind.answer(talk("hello"), "Be kind.")) as answer,
    ):
        assert await anext(answer) == "Hello there."


@pytest.mark.parametrize("status", [401, 404, 429, 500])
async def test_a_server_that_refuses_is_away(
    language_mind: LanguageModelMind, chat: ChatServer, status: int
) -> None:
    chat.status = status
    with pytest.raises(MindAway, match="language model failed"):
        await answered(language_mind, talk("hello"))


@pytest.mark.parametrize("failure", ["cut", "rave"])
async def test_what_was_said_before_a_stream_broke_stands(
    language_mind: LanguageModelMind, chat: ChatServer, failure: str
) -> None:
    chat.fails = getattr(chat, failure)
    async with (
        asyncio.timeout(PATIENCE),
        aclosing(language_mind.answer(talk("hello"), "Be kind.")) as answer,
    ):
        assert await anext(answer) == "Hello there."
        assert await anext(answer) == "I am fine, Dr. Green."
        with pytest.raises(MindAway):
            await anext(answer)


async def test_a_model_that_falls_silent_is_away(client: openai.AsyncOpenAI, chat: ChatServer) -> None:
    chat.pieces, chat.fails = [], chat.stall
    mind = LanguageModelMind(client.with_options(timeout=0.1), "m", 100)
    with pytest.raises(MindAway):
        await answered(mind, talk("hello"))


async def test_a_server_that_is_not_there_is_away() -> None:
    async with new_client("http://127.0.0.1:1/v1", "") as client:
        mind = LanguageModelMind(client.with_options(max_retries=0), "m", 100)
        with pytest.raises(MindAway):
            await answered(mind, talk("hello"))
