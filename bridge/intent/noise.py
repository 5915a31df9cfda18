"""What a recogniser and a speaker's haste make of a sentence: no case, no marks, wrong words, hums, false starts."""

from random import Random

from bridge.plain import plain

HUMS = ("uh", "um", "er", "hmm", "like", "you know", "i mean", "well", "so", "uh um")

SOUND_ALIKE = [
    line.split()
    for line in """
to two too|for four fore|there their they're|your you're|its it's|know no|right write|hear here|by buy bye
won one|ate eight|be bee|see sea|meet meat|week weak|sun son|mail male|our are hour|pair pear|read red
weather whether|where wear|than then|of off|in and an|a the|the a|what's what|can could|and in|play played
set said|turn return|light lights like|lights light|add at and|call called|time times|is his|this his
ten tend|do due|are our|on an own|it at|that at|will well|well will|want one won't|who whose|please police
send sand sent|find fine|book look|look book|like light|my mine|tell tall|how our|have of|i'm um|let's less|is as
""".replace("\n", "|").split("|")
    if line
]
ALIKE = {word: others for word, *others in SOUND_ALIKE}
"""Words, and what is heard in their place."""


def recognised(text: str) -> str:
    """`text` as a recogniser writes it: words in lower case, nothing else."""
    return plain(text)


def misheard(text: str, rng: Random, rate: float = 0.08) -> str:
    """`text` with about `rate` of its words left out, doubled, cut short or taken for another."""
    words: list[str] = []
    for word in text.split():
        chance = rng.random() / rate
        if chance > 1:
            words.append(word)
        elif chance > 0.4:
            words.append(rng.choice(ALIKE.get(word, [word])))
        elif chance > 0.2:
            words.append(word[:-1] if len(word) > 3 else word)
        elif chance > 0.1:
            words += [word, word]
    return " ".join(words) or text


def hesitant(text: str, rng: Random) -> str:
    """`text` as somebody says it who thinks while speaking: hums, repeated words, a start that is broken off."""
    words = text.split()
    for _ in range(rng.choice((1, 1, 2))):
        match rng.randrange(4):
            case 0:
                words.insert(0, rng.choice(HUMS))
            case 1:
                words.insert(rng.randrange(len(words) + 1), rng.choice(HUMS[:4]))
            case 2:
                at = rng.randrange(len(words))
                words[at:at] = words[at : at + rng.choice((1, 2))]
            case _:
                words = [*words[: rng.choice((1, 2))], rng.choice(("uh", "no", "i mean", "um")), *words]
    return " ".join(words)
