"""The mind of any OpenAI-compatible server (vLLM, Ollama, llama.cpp, a cloud), streamed by sentence."""

from collections.abc import AsyncGenerator

import openai
from openai.types.chat import ChatCompletionMessageParam

from gateway.conversation import Conversation
from gateway.minds.sentences import Sentences
from gateway.ports import MindAway

SILENCE_LIMIT_S = 15.0
"""For the first word, and between two."""

MOST_TURNS = 40
"""Of the conversation, told with each question."""

FOR_THE_EAR = (
    "Your words are spoken aloud. Answer in one to three short sentences, without markup, lists or emoji. "
    "Never claim to have done or looked up anything: tools answer separately. Say so when you do not know."
)


def new_client(base_url: str, key: str) -> openai.AsyncOpenAI:
    """The connection that all calls of a gateway share."""
    return openai.AsyncOpenAI(
        base_url=base_url, api_key=key or "none", timeout=SILENCE_LIMIT_S, max_retries=1
    )


class LanguageModelMind:
    """Asks a chat-completions server; instructions first, then the conversation as it was heard."""

    name = "language-model"

    def __init__(self, client: openai.AsyncOpenAI, model: str, max_tokens: int) -> None:
        self._client, self._model, self._max_tokens = client, model, max_tokens

    async def answer(self, conversation: Conversation, instructions: str) -> AsyncGenerator[str, None]:
        sentences = Sentences()
        try:
            stream = await self._client.chat.completions.create(
                model=self._model,
                messages=messages(conversation, instructions),
                max_completion_tokens=self._max_tokens,
                stream=True,
            )
            async with stream:
                async for chunk in stream:
                    if chunk.choices and (piece := chunk.choices[0].delta.content):
                        for sentence in sentences.feed(piece):
                            yield sentence
        except (openai.OpenAIError, ValueError) as error:  # A chunk that is no JSON is a ValueError.
            raise MindAway(f"the language model failed: {type(error).__name__}: {error}") from error
        for sentence in sentences.rest():
            yield sentence


def messages(conversation: Conversation, instructions: str) -> list[ChatCompletionMessageParam]:
    """What the model is told."""
    told: list[ChatCompletionMessageParam] = [
        {"role": "system", "content": f"{instructions}\n\n{FOR_THE_EAR}"}
    ]
    for line in conversation.lines[-MOST_TURNS:]:
        if line.speaker == "user":
            told.append({"role": "user", "content": line.text})
        else:
            told.append({"role": "assistant", "content": line.text})
    return told
