"""What all that looks shares."""

ASK_S = 10.0
"""What somebody else gets to answer."""


def gib(size: float) -> str:
    return f"{size / 2**30:.1f} GiB"
