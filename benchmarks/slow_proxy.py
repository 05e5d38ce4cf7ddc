"""A TCP proxy that makes a server look far away: what clients send arrives late. Standard library only.

python -m benchmarks.slow_proxy TARGET_HOST TARGET_PORT DELAY_MS        prints its own port
"""

import asyncio
import sys


async def serve(target: tuple[str, int], delay: float) -> None:
	async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
		target_reader, target_writer = await asyncio.open_connection(*target)
		await asyncio.gather(_pass_on(reader, target_writer, delay), _pass_on(target_reader, writer, 0))

	server = await asyncio.start_server(connect, "127.0.0.1", 0)
	sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
	sys.stdout.flush()
	async with server:
		await server.serve_forever()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
	"""Each piece after the delay, in order, while the next ones are on their way already."""
	loop = asyncio.get_running_loop()
	while data := await reader.read(65536):
		loop.call_later(delay, writer.write, data) if delay else writer.write(data)
	loop.call_later(delay, writer.close)


if __name__ == "__main__":
	asyncio.run(serve((sys.argv[1], int(sys.argv[2])), float(sys.argv[3]) / 1000))
