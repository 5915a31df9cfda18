"""Vectors to codes and back."""

import torch

from services.speech.codec.mimi import Mimi
from services.speech.codec.quantizer import Codebook
from services.speech.shapes import CODEBOOKS


def test_a_code_is_that_of_the_nearest_entry(mimi: Mimi) -> None:
    codebook = mimi.quantizer.rvq_rest.codebooks[0]
    x = torch.randn(3, 50, 16, generator=torch.Generator().manual_seed(1))
    distance = (x[:, :, None] - codebook.entries).square().sum(-1)
    assert torch.equal(codebook.nearest(x), distance.argmin(-1))


def test_each_code_tells_what_those_before_it_left_over(mimi: Mimi) -> None:
    quantizer = mimi.quantizer.rvq_rest
    x = torch.randn(1, 32, 50, generator=torch.Generator().manual_seed(1))
    left = quantizer.input_proj(x).transpose(1, 2)
    for codebook, codes in zip(quantizer.codebooks, quantizer.encode(x).unbind(1), strict=True):
        before, left = left, left - codebook.look_up(codes)
        assert left.square().sum() < before.square().sum()


def test_an_entry_that_training_hardly_used_is_its_sum_over_the_least_count() -> None:
    codebook = Codebook(card=2, dim=1)
    codebook.load_state_dict(
        {"embedding_sum": torch.tensor([[4.0], [1e-5]]), "cluster_usage": torch.tensor([2.0, 0.0])}
    )
    assert codebook.entries.tolist() == [[2.0], [1.0]]


def test_what_is_no_code_is_taken_for_one(mimi: Mimi) -> None:
    card = mimi.shape.card
    odd = torch.tensor([-2, -1, card, 7]).expand(1, CODEBOOKS, 4)
    code = torch.tensor([0, 0, card - 1, 7]).expand(1, CODEBOOKS, 4)
    assert torch.equal(mimi.quantizer.decode(odd), mimi.quantizer.decode(code))
