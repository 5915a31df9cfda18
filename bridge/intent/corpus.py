"""What the classifier learns from: phrases of CLINC150, chat between people, our own wordings, and patterns."""

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import islice
from random import Random

from bridge.controls import control_of
from bridge.intent.network import Label
from bridge.intent.noise import hesitant, misheard, recognised
from bridge.intent.patterns import read_patterns, read_slots, sentences

SMALL_TALK = frozenset(
    "who_made_you meaning_of_life who_do_you_work_for do_you_have_pets what_are_your_hobbies fun_fact "
    "what_is_your_name where_are_you_from goodbye thank_you greeting tell_joke are_you_a_bot how_old_are_you "
    "what_can_i_ask_you".split()
)
SILENCING = frozenset(
    "stop halt quiet shut hush silence silent enough speak talk talking quit shhhh shush".split()
)
"""Words by which those of CLINC150's `cancel` that ask to be silent are told from the others."""
ANSWERS = frozenset(("yes", "no", "maybe"))

DRAWN: Mapping[str, tuple[Label, int]] = {
    "wishes": ("action", 18_000),
    "chitchat": ("chitchat", 11_000),
    "approvals": ("approval", 900),
    "stop": ("stop", 700),
    "wait": ("wait", 400),
    "repeat": ("repeat", 700),
    "never_mind": ("never_mind", 700),
}
"""Of each file of patterns: what its sentences are, and how many are drawn."""

RARE = 3
"""Times that CLINC150's small talk, controls and answers are learned: against 132 intents of wishes they are few."""

NOISY = 0.5
"""The share of phrases that are learned a second time, as a recogniser may hear them."""


@dataclass(frozen=True, slots=True)
class Example:
    """A phrase as a recogniser writes it, and what it is."""

    text: str
    label: Label
    last_agent: str = ""


def label_of(intent: str, phrase: str) -> Label:
    """What a phrase of CLINC150 is to us. Out of scope is a wish too: it asks for what perhaps no tool knows."""
    if intent in SMALL_TALK:
        return "chitchat"
    if intent in ANSWERS:
        return "approval"
    if intent == "repeat":
        return "repeat"
    if intent == "cancel":
        return control_of(phrase) or (
            "never_mind" if SILENCING.isdisjoint(recognised(phrase).split()) else "stop"
        )
    return "action"


def data(name: str) -> str:
    """The text of a file of `data/`, unpacked."""
    found = files("bridge.intent") / "data" / name
    raw = found.read_bytes()
    return (gzip.decompress(raw) if name.endswith(".gz") else raw).decode()


def pairs(name: str) -> Iterator[tuple[str, str]]:
    """The lines of a `.tsv.gz` file: two columns."""
    for line in data(name).splitlines():
        first, _, second = line.partition("\t")
        yield first, second


def clinc(part: str) -> list[tuple[str, str]]:
    """Intent and phrase, of CLINC150's part `train` or `val`."""
    return list(pairs(f"clinc150_{part}.tsv.gz"))


def chat(part: str) -> list[tuple[str, str]]:
    """What was said before, "?" for a question, and what was said: of people who chat with each other."""
    return list(pairs(f"chitchat_dataset_{part}.tsv.gz"))


@cache
def slots() -> dict[str, list[str]]:
    """What stands in the patterns' slots."""
    return read_slots(data("slots.txt"))


def drawn(name: str, count: int, rng: Random) -> list[str]:
    """`count` different sentences at most, of the patterns in `data/<name>.txt`."""
    patterns = read_patterns(data(f"{name}.txt"))
    return sorted(set(islice(sentences(patterns, slots(), rng), count)))


QUESTIONS = (
    "What can I do for you?",
    "Anything else?",
    "Shall I do that?",
    "Do you want me to go ahead?",
    "Should I order it?",
    "Is that right?",
)
STATEMENTS = ("Done.", "The lights are on.", "It is noon.", "I'm listening.", "That's good to hear.")


def training(seed: int = 0) -> list[Example]:
    """Everything that is learned, the same each time."""
    rng = Random(seed)
    clean = []
    for intent, phrase in clinc("train"):
        label = label_of(intent, phrase)
        clean += [Example(phrase, label)] * (1 if label == "action" else RARE)
    clean += [Example(phrase, "chitchat", before) for before, phrase in chat("train")]
    for name, (label, count) in DRAWN.items():
        clean += [Example(text, label) for text in drawn(name, count, rng)]
    found = []
    for example in clean:
        last_agent = example.last_agent or _before(example.label, rng)
        text = recognised(example.text)
        found.append(Example(text, example.label, last_agent))
        if rng.random() < NOISY and text:
            heard = misheard(text, rng)
            found.append(
                Example(hesitant(heard, rng) if rng.random() < 0.6 else heard, example.label, last_agent)
            )
    rng.shuffle(found)
    return [example for example in found if example.text]


def held_out() -> list[Example]:
    """Phrases that nothing is learned from: CLINC150's validation part, and chat of other people."""
    kept = [Example(recognised(phrase), label_of(intent, phrase)) for intent, phrase in clinc("val")]
    kept += [Example(recognised(phrase), "chitchat", before) for before, phrase in chat("held_out")]
    return [example for example in kept if example.text]


def _before(label: Label, rng: Random) -> str:
    """What the agent may have said before: mostly unknown."""
    if rng.random() < 0.6:
        return ""
    asked = 0.8 if label == "approval" else 0.4
    return rng.choice(QUESTIONS if rng.random() < asked else STATEMENTS)
