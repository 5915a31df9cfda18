"""A trigram language model out of phrases: interpolated Kneser-Ney, several sources at once.

Each source (the domain's phrases, general ones) has a weight. With c_k(h, w) the count of word w after the
words h in source k of weight W_k, and D the discount,

    P(w | h) = ( sum_k W_k (c_k(h, w) - D) + B(h) P(w | h') ) / sum_k W_k c_k(h)
    B(h)     = D sum_k W_k (number of different words after h in source k)

where h' is h without its first word. So a history that only the domain knows is the domain's alone, and one
that both know is shared by weight. For shorter histories, which are asked where the longer one is new, c counts
different words before instead of occurrences: "francisco" may be frequent, and yet it follows one word only
(Kneser and Ney, 1995). Below single words lie the frequencies of everyday English: words that no phrase contains
keep some probability, which is how "remind me to *call ada*" gets through.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

START, END = "<s>", "</s>"

DISCOUNT = 0.7
"""Between 0 and 1. With 0.8 the perplexity of 2,900 requests that no phrase is made of is the same, 38; that of phrases
which are in it is 1.5 higher."""

ORDERS = (1, 2, 3)
NEVER = -99.0
"""log10; what the ARPA format writes for a probability of 0. Nothing is followed by the start of a phrase."""

Ngram = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Phrases of one kind, each counted `weight` times."""

    phrases: Sequence[Sequence[str | None]]
    """None stands for a word that cannot be recognised: no n-gram reaches across it."""
    weight: float


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A back-off model: what is listed has its own probability, the rest comes from the shorter history."""

    probability: Mapping[Ngram, float]
    """P(last word | the words before it), for each listed 1-, 2- and 3-gram."""
    backoff: Mapping[Ngram, float]
    """By history of one or two words: B(h) over the weighted count of h."""

    def p(self, word: str, history: Ngram = ()) -> float:
        """P(word | history), of which the last two words count; 0 for a word outside of the vocabulary."""
        history = history[-2:]
        listed = self.probability.get((*history, word))
        if listed is not None or not history:
            return listed or 0.0
        return self.backoff.get(history, 1.0) * self.p(word, history[1:])


def train(sources: Sequence[Source], everyday: Mapping[str, float], free: float) -> LanguageModel:
    """Count, discount and interpolate.

    Args:
        sources: at least one phrase; its words must all be in `everyday`.
        everyday: how frequent each word of the vocabulary is in English at large, in any unit.
        free: 0 to 1, the share of single words' probability that goes by `everyday`, whatever the phrases say.
    """
    counts = [(source.weight, _count(source.phrases)) for source in sources]
    probability, backoff = _single_words(counts, everyday, free), dict[Ngram, float]()
    for order in ORDERS[1:]:
        mass, left, kept = (defaultdict[Ngram, float](float) for _ in range(3))
        for weight, count in counts:
            for gram, c in count[order].items():
                mass[gram[:-1]] += weight * c
                left[gram[:-1]] += weight * DISCOUNT
                kept[gram] += weight * (c - DISCOUNT)
        backoff |= {history: left[history] / mass[history] for history in mass}
        for gram, k in kept.items():
            history = gram[:-1]
            probability[gram] = k / mass[history] + backoff[history] * probability[gram[1:]]
    return LanguageModel(probability, backoff)


def arpa(model: LanguageModel) -> Iterator[str]:
    """The model as the lines of an ARPA file, which is what recognisers read."""
    grams = {order: sorted(g for g in model.probability if len(g) == order) for order in ORDERS}
    yield "\\data\\"
    yield f"ngram 1={len(grams[1]) + 1}"
    yield from (f"ngram {order}={len(grams[order])}" for order in ORDERS[1:])
    for order in ORDERS:
        yield f"\n\\{order}-grams:"
        if order == 1:
            yield _line(NEVER, (START,), model.backoff.get((START,)))
        for gram in grams[order]:
            yield _line(math.log10(model.probability[gram]), gram, model.backoff.get(gram))
    yield "\n\\end\\"


def _single_words(
    counts: Sequence[tuple[float, dict[int, Counter[Ngram]]]], everyday: Mapping[str, float], free: float
) -> dict[Ngram, float]:
    mass = sum(weight * count[1].total() for weight, count in counts)
    total = sum(everyday.values())
    probability: dict[Ngram, float] = {(word,): free * p / total for word, p in everyday.items()}
    probability[END,] = 0.0
    for weight, count in counts:
        for gram, c in count[1].items():
            probability[gram] += (1 - free) * weight * c / mass
    return probability


def _count(phrases: Sequence[Sequence[str | None]]) -> dict[int, Counter[Ngram]]:
    """How often each trigram comes; of shorter ones, after how many different words."""
    seen: dict[int, Counter[tuple[str | None, ...]]] = {order: Counter() for order in ORDERS}
    for phrase in phrases:
        words = (START, *phrase, END)
        for order, count in seen.items():
            count.update(words[end - order : end] for end in range(max(order, 2), len(words) + 1))
    # Nothing comes before the start of a phrase, so what begins one is counted as it is.
    starts = {gram: count for gram, count in seen[2].items() if gram[0] == START}
    return {
        1: _known(Counter(gram[1:] for gram in seen[2])),
        2: _known(Counter(gram[1:] for gram in seen[3]) + Counter(starts)),
        3: _known(seen[3]),
    }


def _known(count: Counter[tuple[str | None, ...]]) -> Counter[Ngram]:
    """Without those that reach across a word that cannot be recognised."""
    return Counter({gram: n for gram, n in count.items() if None not in gram})  # type: ignore[misc]


def _line(logarithm: float, gram: Ngram, backoff: float | None) -> str:
    tail = "" if backoff is None else f"\t{math.log10(backoff):.4f}"
    return f"{logarithm:.4f}\t{' '.join(gram)}{tail}"
