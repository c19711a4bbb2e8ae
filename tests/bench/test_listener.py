"""A socket that listens: what is answered on it is sent at once."""

import asyncio
import socket

from thecal.bench.start import listening_at


def test_an_answer_in_two_parts_does_not_wait_for_an_acknowledgement() -> None:
    """Else every page after the first on a connection comes 40 ms late."""
    at_once: list[int] = []

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at_once.append(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async def ask() -> None:
        listener = listening_at("127.0.0.1", 0)
        async with await asyncio.start_server(answer, sock=listener):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            await reader.read()
            writer.close()

    asyncio.run(ask())
    assert at_once
    assert all(at_once)
