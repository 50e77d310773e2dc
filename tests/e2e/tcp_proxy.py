"""TCP proxies between a client and the brokers, which a test cuts and heals like a network."""
from __future__ import annotations

import asyncio
import threading


class TcpProxy:
    """Passes what comes to each of `ports` of 127.0.0.1 on to its target port there. As a context it runs inside."""

    def __init__(self, ports: dict[int, int]):
        self._ports = ports
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._open: set[asyncio.StreamWriter] = set()
        self._servers: list[asyncio.Server] = []
        self._is_cut = False

    def __enter__(self) -> TcpProxy:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """From now on nothing passes: connections end, and new ones end at once."""
        self._call(self._set_cut(True))

    def heal(self) -> None:
        self._call(self._set_cut(False))

    def _call(self, work) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _listen(self) -> None:
        for port, target in self._ports.items():
            async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: int = target) -> None:
                await self._serve(reader, writer, target)
            self._servers.append(await asyncio.start_server(passed, "127.0.0.1", port))

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        await self._set_cut(True)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _set_cut(self, is_cut: bool) -> None:
        self._is_cut = is_cut
        if is_cut:
            for writer in list(self._open):
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: int) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, there_writer}
        try:
            await asyncio.gather(self._pass(reader, there_writer), self._pass(there_reader, writer))
        except asyncio.CancelledError:
            pass  # the proxy ends
        finally:
            self._open -= {writer, there_writer}

    @staticmethod
    async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(65536):
                writer.write(piece)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
