"""Mimi (arXiv 2410.00037, section 3.3): frames of sound to codes and back, for many slots."""

import math
from dataclasses import dataclass

from torch import Tensor, nn

from services.speech.codec import seanet
from services.speech.codec.convolution import Downsample, DownsampleState, Transposed
from services.speech.codec.quantizer import Quantizer
from services.speech.codec.transformer import CodecTransformer
from services.speech.shapes import FRAME_SAMPLES, CodecShape
from services.speech.transformer import TransformerState


@dataclass(frozen=True, slots=True)
class EncoderState:
    """What the way from sound to codes remembers of each slot."""

    convolutions: list[Tensor]
    transformer: TransformerState
    downsample: DownsampleState


@dataclass(frozen=True, slots=True)
class DecoderState:
    """What the way from codes to sound remembers of each slot."""

    upsample: Tensor
    transformer: TransformerState
    convolutions: list[Tensor]


class Mimi(nn.Module):
    """The codec, with the parameter names of its published file. Whole sound is a call with many frames.

    A call moves live slots on, in place, and no others. It waits for no GPU, and its shapes depend on the number of
    slots and frames alone.
    """

    def __init__(self, shape: CodecShape) -> None:
        super().__init__()
        self.shape = shape
        dim = shape.transformer.dim
        self.positions = FRAME_SAMPLES // math.prod(shape.ratios)
        """Of its transformers, in a frame."""
        self.encoder = seanet.encoder(shape)
        self.encoder_transformer = CodecTransformer(shape)
        self.downsample = Downsample(dim, self.positions)
        self.quantizer = Quantizer(shape)
        # Each channel by itself, unlike on the way in: a slip when it was trained, by now the format.
        upsample = Transposed(dim, dim, self.positions, groups=dim, bias=False)
        self.upsample = nn.ModuleDict({"convtr": upsample})
        self.decoder_transformer = CodecTransformer(shape)
        self.decoder = seanet.decoder(shape)

    def fresh_encoder(self, slots: int, frames: int = 1) -> EncoderState:
        """A state of `slots` fresh slots, for calls of up to `frames` frames."""
        transformer = self.encoder_transformer.fresh(slots, frames * self.positions)
        return EncoderState(self.encoder.fresh(slots), transformer, self.downsample.fresh(slots))

    def fresh_decoder(self, slots: int, frames: int = 1) -> DecoderState:
        """A state of `slots` fresh slots, for calls of up to `frames` frames."""
        transformer = self.decoder_transformer.fresh(slots, frames * self.positions)
        upsample = self.upsample["convtr"].fresh(slots)  # type: ignore[operator]
        return DecoderState(upsample, transformer, self.decoder.fresh(slots))

    def encode(self, sound: Tensor, state: EncoderState, live: Tensor) -> Tensor:
        """Turn sound into codes.

        Args:
            sound: [slots, frames * FRAME_SAMPLES], float32, -1 to 1.
            live: [slots], bool.

        Returns:
            [slots, CODEBOOKS, frames], int64. Nothing, of a slot that is not live.
        """
        return self.quantizer.encode(self.embed(sound, state, live))

    def embed(self, sound: Tensor, state: EncoderState, live: Tensor) -> Tensor:
        """What the codes are to stand for: [slots, frames * FRAME_SAMPLES] to [slots, dim, frames]."""
        x = self.encoder(sound[:, None], state.convolutions, live)
        x = self.encoder_transformer(x, state.transformer, live)
        return self.downsample(x, state.downsample, live)  # type: ignore[no-any-return]

    def decode(self, codes: Tensor, state: DecoderState, live: Tensor) -> Tensor:
        """Turn codes into sound.

        Args:
            codes: [slots, CODEBOOKS, frames], int64.
            live: [slots], bool.

        Returns:
            [slots, frames * FRAME_SAMPLES], float32, mostly within -1 to 1. Nothing, of a slot that is not
            live.
        """
        x = self.upsample["convtr"](self.quantizer.decode(codes), state.upsample, live)
        x = self.decoder_transformer(x, state.transformer, live)
        return self.decoder(x, state.convolutions, live)[:, 0]  # type: ignore[no-any-return]
