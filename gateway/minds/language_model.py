"""The mind of any OpenAI-compatible server (vLLM, Ollama, llama.cpp, a cloud), streamed by sentence."""

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from gateway.conversation import Conversation
from gateway.minds.sentences import Sentences
from gateway.ports import PartAway

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam

FIRST_WORD_LIMIT_S = 15.0
MOST_TURNS = 40
"""Of the conversation, told with each question."""

FOR_THE_EAR = (
    "Your words are spoken aloud. Answer in one to three short sentences, without markup, lists or emoji. "
    "Never claim to have done or looked up anything: tools answer separately. Say so when you do not know."
)


class LanguageModelMind:
    """Asks a chat-completions server; instructions first, then the conversation as it was heard."""

    name = "language-model"

    def __init__(self, base_url: str, model: str, key: str, max_tokens: int) -> None:
        self._base_url, self._model, self._key, self._max_tokens = base_url, model, key, max_tokens

    async def answer(self, conversation: Conversation, instructions: str) -> AsyncGenerator[str, None]:
        # Half a second to import: only who uses it pays.
        import openai

        client = openai.AsyncOpenAI(
            base_url=self._base_url, api_key=self._key or "none", timeout=FIRST_WORD_LIMIT_S, max_retries=1
        )
        sentences = Sentences()
        async with client:
            try:
                stream = await client.chat.completions.create(
                    model=self._model,
                    messages=self._messages(conversation, instructions),
                    max_completion_tokens=self._max_tokens,
                    stream=True,
                )
                async with stream:
                    async for chunk in stream:
                        if chunk.choices and (piece := chunk.choices[0].delta.content):
                            for sentence in sentences.feed(piece):
                                yield sentence
            except openai.OpenAIError as error:
                raise PartAway(f"the language model failed: {type(error).__name__}: {error}") from error
        for sentence in sentences.rest():
            yield sentence

    @staticmethod
    def _messages(conversation: Conversation, instructions: str) -> "list[ChatCompletionMessageParam]":
        messages: list[ChatCompletionMessageParam] = [
            {"role": "system", "content": f"{instructions}\n\n{FOR_THE_EAR}"}
        ]
        for line in conversation.lines[-MOST_TURNS:]:
            if line.speaker == "user":
                messages.append({"role": "user", "content": line.text})
            else:
                messages.append({"role": "assistant", "content": line.text})
        return messages
