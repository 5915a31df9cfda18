"""How large a model of the Moshi family is, and the tokens that it gives a meaning.

Source: Moshi (arXiv 2410.00037), PersonaPlex (arXiv 2602.06053), and the tensors of their published files.
"""

from dataclasses import dataclass

TEXT_PAD = 3
"""Text token: no word goes on in this frame."""
TEXT_END_OF_PAD = 0
"""Text token: padding ends, the next frame begins a word."""
NO_INPUT = -1
"""In place of a token: this stream adds nothing to the model's input."""
FREE = -2
"""In place of a forced token: the model draws it. In a frame that comes out: nothing was drawn yet."""

SAMPLE_RATE = 24_000
"""Hz, mono."""
FRAME_SAMPLES = 1_920
"""80 ms: 12.5 frames a second."""
FRAME_S = FRAME_SAMPLES / SAMPLE_RATE

CODEBOOKS = 8
"""Of Mimi's, that a speaker's voice has in the model: one semantic, seven acoustic."""


@dataclass(frozen=True, slots=True)
class TransformerShape:
    """A stack of layers."""

    dim: int
    layers: int
    heads: int
    hidden: int
    """Of the feed-forward part; with a gate, of each of its halves."""

    @property
    def head_dim(self) -> int:
        return self.dim // self.heads


@dataclass(frozen=True, slots=True)
class ModelShape:
    """The language model: a transformer over frames, and a small one over the codes of each frame."""

    temporal: TransformerShape
    depformer: TransformerShape
    context: int
    """Frames that the temporal transformer looks back on, this one included."""
    text_card: int
    """Text tokens that can be drawn; one more, the last, stands before the first."""
    card: int
    """Codes of a codebook that can be drawn; one more, the last, stands before the first."""
    delays: tuple[int, ...] = (0, *(0, 1, 1, 1, 1, 1, 1, 1), *(0, 1, 1, 1, 1, 1, 1, 1))
    """Frames by which each stream comes late: text, the agent's codes, the user's. The acoustic codes follow the
    semantic one, so that the model has what is said before how it sounds."""

    @property
    def streams(self) -> int:
        return 1 + 2 * CODEBOOKS

    @property
    def max_delay(self) -> int:
        return max(self.delays)


@dataclass(frozen=True, slots=True)
class CodecShape:
    """Mimi: a convolutional encoder and decoder, a transformer within each, and residual codebooks between them."""

    transformer: TransformerShape
    context: int
    """Positions that its transformers look back on, of which a frame has two."""
    filters: int
    """Channels of the outermost convolution; each stage inwards has twice as many."""
    ratios: tuple[int, ...]
    """By which each stage of the decoder makes the sound longer; the encoder goes the other way."""
    codebook_dim: int
    codebooks: int
    """In the file. `CODEBOOKS` of them are used."""
    card: int


@dataclass(frozen=True, slots=True)
class Shape:
    """A whole engine's."""

    name: str
    model: ModelShape
    codec: CodecShape


MIMI = CodecShape(
    transformer=TransformerShape(dim=512, layers=8, heads=8, hidden=2048),
    context=250,
    filters=64,
    ratios=(8, 6, 5, 4),
    codebook_dim=256,
    codebooks=32,
    card=2048,
)

SEVEN_B = ModelShape(
    temporal=TransformerShape(dim=4096, layers=32, heads=32, hidden=11_264),
    depformer=TransformerShape(dim=1024, layers=6, heads=16, hidden=2816),
    context=3000,
    text_card=32_000,
    card=2048,
)

PERSONAPLEX_7B = Shape("personaplex-7b", SEVEN_B, MIMI)
"""Its file has 16 steps of the depformer. The last eight draw the user's codes, which are heard anyway."""
MOSHI_7B = Shape("moshi-7b", SEVEN_B, MIMI)

TOY = Shape(
    "toy",
    ModelShape(
        temporal=TransformerShape(dim=64, layers=2, heads=4, hidden=88),
        depformer=TransformerShape(dim=32, layers=2, heads=2, hidden=44),
        context=300,
        text_card=64,
        card=2048,
    ),
    CodecShape(
        transformer=TransformerShape(dim=32, layers=2, heads=2, hidden=64),
        context=50,
        filters=4,
        ratios=(8, 6, 5, 4),
        codebook_dim=16,
        codebooks=8,
        card=2048,
    ),
)
"""Small enough for tests and a CPU. Cards and frames are the true ones, so that what goes in and out looks the same."""

SHAPES = {shape.name: shape for shape in (PERSONAPLEX_7B, MOSHI_7B, TOY)}
