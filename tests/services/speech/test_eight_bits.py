"""Numbers in 8 bits: how near they come, and where they are used."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from services.speech import recorded, slots, stepping
from services.speech.eight_bits import FEW, MOST, attend, product, quantize
from services.speech.linear import Weight8, linear
from services.speech.model import Embedding, Model, RMSNorm
from services.speech.rings import Ring, Ring8
from services.speech.savings import NONE, Savings
from services.speech.shapes import SEVEN_B
from tests.services.speech.calls import heard, step, toy_model

Kernel = Callable[..., Tensor]


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kept", [torch.float32, torch.bfloat16])
def test_each_number_is_within_half_a_step_of_its_rows_largest(kept: torch.dtype) -> None:
    rows = numbers(50, 64) * torch.logspace(-6, 4, 50)[:, None]
    whole, scale = quantize(rows, kept)
    assert (whole.dtype, scale.dtype, scale.shape) == (torch.int8, kept, (50, 1))
    # A scale in bfloat16 may come out up to one part in 256 too small, and cut the largest by half a step.
    most = 0.5 if kept == torch.float32 else 1.0
    assert ((whole * scale.float() - rows).abs() <= scale.float() * most * 1.0001).all()
    assert whole.abs().amax(-1).min() >= MOST - 1
    assert whole.abs().max() == MOST


def test_a_row_of_zeros_stays_one() -> None:
    whole, scale = quantize(torch.zeros(2, 8), torch.bfloat16)
    assert not whole.any()
    assert not scale.any()


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [1, FEW, FEW + 1])
def test_a_product_is_that_with_the_weights_which_the_8_bits_stand_for(rows: int, kind: torch.dtype) -> None:
    weight, scale = quantize(numbers(40, 24, seed=1), torch.float32)
    x = numbers(rows, 24).to(kind)
    expected = x.double() @ (weight.double() * scale.double()).T
    found = product(x, weight, scale)
    assert found.dtype == kind
    assert torch.allclose(found.double(), expected, rtol=2 * torch.finfo(kind).eps, atol=1e-5)


def test_some_rows_of_a_weight_have_their_own_scales() -> None:
    """As the steps of the depformer, which are stacked."""
    weight, x = Weight8(numbers(24, 16) * torch.arange(1, 25)[:, None]), numbers(2, 1, 16)
    assert torch.allclose(linear(x, weight, slice(8, 16)), linear(x, weight)[..., 8:16], atol=1e-5)


@pytest.mark.parametrize("positions", [1, 3])
def test_attention_is_that_over_the_keys_and_values_which_the_8_bits_stand_for(positions: int) -> None:
    ring = Ring8.fresh((2, 3, 20, 8), torch.empty(0))
    index = torch.arange(20)[None, None, :, None].expand(2, 1, 20, 1)
    ring.write(index, 4 * numbers(2, 3, 20, 8, seed=1), numbers(2, 3, 20, 8, seed=2))
    query = numbers(2, 3, positions, 8, seed=3)
    visible = torch.rand(2, 1, positions, 20) < 0.5
    visible[..., 0] = True
    expected = F.scaled_dot_product_attention(
        query, ring.keys * ring.key_scales, ring.values * ring.value_scales, visible
    )
    assert torch.allclose(ring.attend(query, visible), expected, atol=1e-5)


@pytest.mark.parametrize("rows", [1, 3, FEW, FEW + 1])
def test_what_is_compiled_comes_to_the_same(rows: int) -> None:
    """By the tracer alone: what it makes of a function is run operation by operation, without a compiler."""
    weight, scale = quantize(numbers(40, 24, seed=1), torch.float32)
    assert torch.allclose(
        compiled(product)(x := numbers(rows, 24), weight, scale), product(x, weight, scale), atol=1e-5
    )
    keys, key_scales = quantize(numbers(rows, 3, 20, 8, seed=1), torch.float32)
    values, value_scales = quantize(numbers(rows, 3, 20, 8, seed=2), torch.float32)
    given = (numbers(rows, 3, 1, 8), keys, key_scales, values, value_scales)
    visible = (torch.arange(20) < 7).expand(rows, 1, 1, 20)
    assert torch.allclose(compiled(attend)(*given, visible), attend(*given, visible), atol=1e-5)


def compiled(kernel: Kernel) -> Kernel:
    plain = kernel.__wrapped__  # type: ignore[attr-defined]
    return torch.compile(plain, fullgraph=True, dynamic=False, backend="aot_eager")


def test_functions_are_compiled_only_while_they_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda plain, **how: lambda x: plain(x) + 0.5)
    doubled = recorded.fused(lambda x: 2 * x)
    assert doubled(torch.ones(1)) == 2
    token = recorded.recording.set(True)
    assert doubled(torch.ones(1)) == 2.5
    recorded.recording.reset(token)
    assert doubled(torch.ones(1)) == 2


def test_every_product_is_in_8_bits_and_nothing_else(model: Model) -> None:
    shrunk = toy_model(savings=Savings(weights="int8"))
    weights = [each for each in shrunk.modules() if isinstance(each, Weight8)]
    kinds = (Embedding, RMSNorm, Weight8)
    others = [
        each for each in shrunk.modules() if list(each.parameters(False)) and not isinstance(each, kinds)
    ]
    assert others == []
    embeddings = sum(each.weight.numel() for each in model.modules() if isinstance(each, nn.Embedding))
    norms = sum(each.alpha.numel() for each in model.modules() if isinstance(each, RMSNorm))
    products = sum(each.numel() for each in model.parameters()) - embeddings - norms
    assert sum(each.values.numel() for each in weights) == products
    assert all(each.values.dtype == torch.int8 for each in weights)


def test_at_7b_weights_take_half_and_keys_and_values_too() -> None:
    def sizes(savings: Savings) -> tuple[int, int]:
        with torch.device("meta"):
            model = Model(SEVEN_B).to(torch.bfloat16)
        model.shrink(savings)
        weights = sum(each.nbytes for each in model.parameters())
        return weights, slots.size(stepping.fresh(model, 1).transformer.rings)

    layers, context, heads, dim = 32, 3000, 32, 4096
    assert sizes(NONE) == (15_375_458_304, layers * context * 2 * dim * 2)
    weights, kv = sizes(Savings(weights="int8", kv="int8"))
    assert kv == layers * context * 2 * (dim + heads * 2)
    assert 8.0e9 < weights < 8.2e9


@pytest.mark.parametrize(
    ("savings", "form"), [(Savings(weights="int8"), Ring), (Savings(kv="int8"), Ring8)], ids=["weights", "kv"]
)
def test_8_bits_change_what_is_written_a_little(model: Model, savings: Savings, form: type) -> None:
    """The same tokens forced into both: what the transformer writes is near, and not the same."""
    shrunk, user = toy_model(savings=savings), heard(40)
    written = []
    for each in (model, shrunk):
        state = stepping.fresh(each, 1)
        assert {type(ring) for ring in state.transformer.rings} == {form if each is shrunk else Ring}
        hidden: list[Tensor] = []
        hook = each.out_norm.register_forward_hook(lambda module, x, out, into=hidden: into.append(out))
        for codes in user:
            step(each, state, {0: codes}, forced={0: codes.new_full((9,), 5)})
        hook.remove()
        written.append(torch.cat(hidden).flatten(1))
    ours, theirs = written
    near = F.cosine_similarity(ours, theirs)
    assert near.min() > 0.995
    assert near.max() < 1
