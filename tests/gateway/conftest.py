"""A served gateway for tests of everything that its clients see."""

from collections.abc import AsyncIterator

import pytest

from tests.gateway.harness import Gateway


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """Open to everyone on this machine, ten calls at most; ears, voice and bridge follow the test's script."""
    async with Gateway() as gateway:
        yield gateway
