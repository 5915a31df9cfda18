"""The persona's own small talk as a mind: needs nothing, knows little, and says so when it doesn't know."""

from collections.abc import AsyncGenerator

from gateway.conversation import Conversation
from gateway.minds.sentences import sentences_of
from personas.model import Persona
from personas.small_talk import SmallTalkIndex, pick


class SmallTalkMind:
    """Answers with the reply to the nearest example; else that it does not know."""

    name = "small-talk"

    def __init__(self, persona: Persona, index: SmallTalkIndex) -> None:
        """`index` is the persona's, made once and shared by its calls."""
        self._persona, self._index = persona, index
        self._said: list[str] = []
        """In this call, so that it does not repeat itself."""

    async def answer(self, conversation: Conversation, instructions: str) -> AsyncGenerator[str, None]:
        found = self._index.match(conversation.last("user"), self._said)
        reply = found.reply if found else pick(self._persona.phrases.unknown, self._said)
        self._said = [*self._said[-50:], reply]
        for sentence in sentences_of(reply):
            yield sentence
