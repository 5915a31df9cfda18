"""Tools that tell a test what they do, and go on when it lets them. Run by a real orchestrator.

Their one argument is the test's port and, as its last two digits, which deed of the test it is.
"""

import asyncio

from services.orchestrator.tooling import Answer, Caller


async def order(caller: Caller, number: int) -> Answer:
    """Does it again each time."""
    return await _act("order", caller, number)


async def switch(caller: Caller, number: int) -> Answer:
    """Does it once a key, however often it runs."""
    return await _act("switch", caller, number)


async def _act(name: str, caller: Caller, number: int) -> Answer:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(number) // 100)
    try:
        for what in ("began", "did"):
            writer.write(f"{what} {int(number) % 100} {caller.idempotency_key}\n".encode())
            await writer.drain()
            await reader.readline()
    finally:
        writer.close()
    return Answer(f"{name} is done.")
