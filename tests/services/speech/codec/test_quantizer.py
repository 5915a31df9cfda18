"""Vectors to codes and back."""

import torch

from services.speech.codec.mimi import Mimi
from services.speech.codec.quantizer import Codebook
from services.speech.shapes import CODEBOOKS
from services.speech.toy_engine import seeded


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


def test_a_codebook_that_was_used_can_be_moved() -> None:
    """To another device, as the CPU can't show it: to another type."""
    codebook = seeded(lambda: Codebook(card=8, dim=4))
    x = torch.randn(1, 20, 4, generator=torch.Generator().manual_seed(1))
    codes = codebook.nearest(x)
    moved = codebook.to(torch.float64)
    assert moved.look_up(codes).dtype == torch.float64
    assert torch.equal(moved.nearest(x.double()), codes)
    assert {each.device.type for each in codebook.to("meta").buffers()} == {"meta"}


def test_a_codebook_that_was_used_can_be_loaded_anew() -> None:
    codebook = seeded(lambda: Codebook(card=2, dim=1))
    codebook.look_up(torch.tensor([0]))
    codebook.load_state_dict(
        {"embedding_sum": torch.tensor([[6.0], [8.0]]), "cluster_usage": torch.tensor([2.0, 4.0])}
    )
    assert codebook.look_up(torch.tensor([0, 1])).tolist() == [[3.0], [2.0]]


def test_what_is_no_code_is_taken_for_one(mimi: Mimi) -> None:
    card = mimi.shape.card
    odd = torch.tensor([-2, -1, card, 7]).expand(1, CODEBOOKS, 4)
    code = torch.tensor([0, 0, card - 1, 7]).expand(1, CODEBOOKS, 4)
    assert torch.equal(mimi.quantizer.decode(odd), mimi.quantizer.decode(code))
