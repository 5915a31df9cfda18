"""Drawing tokens."""

import torch

from services.speech import sampling


def draw(logits: torch.Tensor, *, temperature: float, top_k: int, keys: torch.Tensor) -> torch.Tensor:
    count = len(keys)
    return sampling.draw(
        logits.expand(count, -1), torch.full((count,), temperature), torch.full((count,), top_k), keys
    )


def keys(count: int) -> torch.Tensor:
    return sampling.key(torch.arange(count), torch.zeros(count, dtype=torch.int64), stream=0)


def test_draws_are_as_frequent_as_likely() -> None:
    likely = torch.tensor([0.5, 0.3, 0.15, 0.05])
    drawn = draw(likely.log()[None], temperature=1.0, top_k=4, keys=keys(20_000))
    shares = drawn.bincount(minlength=4) / len(drawn)
    assert (shares - likely).abs().max() < 0.015  # More than four standard errors.


def test_a_low_temperature_sharpens() -> None:
    likely = torch.tensor([0.6, 0.4])
    drawn = draw(likely.log()[None], temperature=0.5, top_k=2, keys=keys(20_000))
    assert abs(float((drawn == 0).float().mean()) - 0.36 / (0.36 + 0.16)) < 0.015


def test_top_k_draws_from_the_likeliest_alone() -> None:
    logits = torch.linspace(0, 0.1, 50)[None]
    drawn = draw(logits, temperature=1.0, top_k=3, keys=keys(2_000))
    assert set(drawn.tolist()) == {47, 48, 49}


def test_without_a_temperature_the_likeliest_is_taken() -> None:
    logits = torch.tensor([[0.0, 3.0, 1.0]])
    assert set(draw(logits, temperature=0.0, top_k=3, keys=keys(100)).tolist()) == {1}


def test_each_slot_draws_in_its_own_way() -> None:
    logits = torch.linspace(0, 0.1, 300).expand(3, -1)
    drawn = [
        sampling.draw(
            logits, torch.tensor([0.0, 1.0, 1.0]), torch.tensor([250, 1, 250]), keys(3) + n
        ).tolist()
        for n in range(50)
    ]
    greedy, first_alone, free = zip(*drawn, strict=True)
    assert set(greedy) == set(first_alone) == {299}
    assert len(set(free)) > 20


def test_seeds_positions_and_streams_have_noise_of_their_own() -> None:
    seed = torch.tensor([1, 2, 1, 1])
    position = torch.tensor([5, 5, 6, 5])
    found = sampling.key(seed, position, 0).tolist() + sampling.key(seed[:1], position[:1], 3).tolist()
    assert len(set(found)) == 4  # The first and the last slot are alike.


def test_noise_is_even() -> None:
    noise = sampling.uniform(keys(1_000)[:, None], torch.arange(100))
    assert 0 < noise.min() < noise.max() < 1
    assert abs(float(noise.mean()) - 0.5) < 0.005
    shares = noise.flatten().mul(10).long().bincount() / noise.numel()
    assert (shares - 0.1).abs().max() < 0.005


def test_the_largest_noise_there_is_is_less_than_one() -> None:
    """At 1 it would be infinite once Gumbel, and the token taken however unlikely: every eleven minutes of a call."""
    key, token = torch.tensor([3_747_930]), torch.tensor([5])
    assert int(sampling.mix(key + token)) % 2**64 >> 40 == 0xFF_FFFF
    assert sampling.uniform(key, token) < 1


def test_mix_is_splitmix64() -> None:
    """The first numbers of its stream from 0, as its authors' reference prints them."""
    golden = 0x9E3779B97F4A7C15 - 2**64
    states = torch.arange(3) * golden
    found = [number % 2**64 for number in sampling.mix(states).tolist()]
    assert found == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
