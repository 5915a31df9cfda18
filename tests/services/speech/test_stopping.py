"""The service as a process that is told to stop while somebody calls."""

import asyncio
import signal

import pytest

from tests.doubles.toy_process import LIMIT_S, toy_process
from tests.services.speech.raw_socket import BINARY, connecting, frame


@pytest.mark.timeout(2 * LIMIT_S)
async def test_after_sigterm_nobody_is_let_in_and_a_call_goes_on_until_its_client_ends_it(
    unused_tcp_port: int,
) -> None:
    drain_s = str(10 * LIMIT_S)  # The process does not wait for its end.
    url = f"http://127.0.0.1:{unused_tcp_port}"
    async with asyncio.timeout(LIMIT_S), toy_process(unused_tcp_port, SPEECH_DRAIN_S=drain_s) as process:
        async with connecting(url, codec="pcm16", voice_prompt="", text_prompt="be kind") as call:
            assert await call.message() == b"\x00"
            process.send_signal(signal.SIGTERM)
            while await lets_in(unused_tcp_port):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            for _ in range(5):
                call.send(frame(BINARY, b"\x01" + bytes(3_840)))
                while (await call.message())[0] != 1:
                    pass
            assert process.returncode is None
        assert await process.wait() == 0


async def lets_in(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return False
    writer.close()
    return True
