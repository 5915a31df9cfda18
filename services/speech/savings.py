"""How a model is run so that it takes less memory or time than as it is published."""

import argparse
from dataclasses import dataclass
from typing import Literal, get_args

Numbers = Literal["bf16", "int8"]
"""On a CPU, where nothing is run but tests and the toy, the first is float32."""
Attention = Literal["whole", "filled"]

SHARES = (8, 4, 2)
"""Of a ring: an eighth, a quarter and a half of it can be read instead of all, so at most twice what is filled. Each is
a recording more for each size of batch."""
STRIDE = 64
"""Positions, of which such a share is a multiple: kernels read whole tiles."""


@dataclass(frozen=True, slots=True)
class Savings:
    """What is saved. By default nothing is."""

    weights: Numbers = "bf16"
    """Of the language model's products: at 7B 15.4 GB, or 8.0 GB. 8 bits change the tokens."""
    kv: Numbers = "bf16"
    """Of the keys and values that calls are remembered by: at 7B 1.57 GB a slot, or 0.80 GB. 8 bits change the
    tokens."""
    attention: Attention = "whole"
    """What a frame reads of the keys and values: the whole ring, or what the oldest call has filled. The tokens are the
    same."""

    def lengths(self, context: int) -> tuple[int, ...]:
        """Of rings of `context` positions, the beginnings that can be read instead."""
        if self.attention == "whole":
            return ()
        return tuple(-(-context // (share * STRIDE)) * STRIDE for share in SHARES)


NONE = Savings()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Have a command take what SPEECH_WEIGHTS, SPEECH_KV and SPEECH_ATTENTION say of the service."""
    for field, choices in (("weights", Numbers), ("kv", Numbers), ("attention", Attention)):
        parser.add_argument(
            f"--{field}",
            choices=get_args(choices),
            default=getattr(NONE, field),
            help=f"as SPEECH_{field.upper()}",
        )


def chosen(given: argparse.Namespace) -> Savings:
    """What was asked for by such arguments."""
    return Savings(given.weights, given.kv, given.attention)
