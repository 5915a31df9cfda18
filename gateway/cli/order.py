"""In which order parts stop. Rules only."""

from collections.abc import Collection, Mapping


def stop_order(uses: Mapping[str, Collection[str]]) -> list[list[str]]:
    """Waves of parts: none stops while a part that uses it still runs; one wave's parts stop side by side.

    Args:
        uses: by part, the parts that it uses.

    Raises:
        ValueError: parts use each other in a circle.
    """
    left = dict(uses)
    waves = []
    while left:
        used = {name for names in left.values() for name in names}
        wave = [name for name in left if name not in used]
        if not wave:
            raise ValueError(f"these parts use each other in a circle: {', '.join(left)}")
        waves.append(wave)
        for name in wave:
            del left[name]
    return waves
