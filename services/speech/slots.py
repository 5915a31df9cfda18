"""What holds for every state: slots are the first axis of each tensor, and a fresh slot is all zeros.

A state is a tensor, or a list or dataclass of states. So a slot can be emptied, copied or cut out without knowing what
it holds, and the first slots of a batch are a smaller batch over the same memory.
"""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from torch import Tensor

State = TypeVar("State")


def tensors(state: object) -> Iterator[Tensor]:
    """Every tensor of a state, always in the same order."""
    match state:
        case Tensor():
            yield state
        case list():
            for part in state:
                yield from tensors(part)
        case _:
            for field in fields(_dataclass(state)):
                yield from tensors(getattr(state, field.name))


def reset(state: object, slot: int) -> None:
    """Make a slot a fresh one."""
    for tensor in tensors(state):
        tensor[slot].zero_()


def copy(source: State, from_slot: int, target: State, to_slot: int) -> None:
    """Make a slot of `target` equal to one of `source`, which may be the same batch."""
    for there, here in zip(tensors(source), tensors(target), strict=True):
        here[to_slot].copy_(there[from_slot])


def part(state: State, where: slice) -> State:
    """Some neighbouring slots, over the same memory."""
    narrowed: Any
    match state:
        case Tensor():
            narrowed = state[where]
        case list():
            narrowed = [part(each, where) for each in state]
        case _:
            parts = {field.name: getattr(state, field.name) for field in fields(_dataclass(state))}
            narrowed = type(state)(**{name: part(each, where) for name, each in parts.items()})
    return narrowed  # type: ignore[no-any-return]


def size(state: object) -> int:
    """Bytes that all slots take."""
    return sum(tensor.nbytes for tensor in tensors(state))


def _dataclass(state: object) -> Any:
    if not is_dataclass(state):
        raise TypeError(f"a state holds tensors, lists and dataclasses, not {type(state).__name__}")
    return state
