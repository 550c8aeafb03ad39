"""Makes the addresses of the server mean the same in this pod as for its users.

Each argument is LISTEN=SERVICE, such as 127.0.0.1:30081=clearml-fileserver:8081. The
containers of a pod share their network, so that all of them reach the services there.
"""

import asyncio
import signal
import sys

# The agent says goodbye to the server after the signal to stop, which both get at once.
GRACE = 5


def address(text):
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


async def copy(reader, writer):
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        # The other direction ends with it.
        writer.close()


def to(service):
    async def connected(reader, writer):
        try:
            there, back = await asyncio.open_connection(*address(service))
        except OSError as error:
            print(f"clearml-local: cannot connect to {service}: {error}", flush=True)
            writer.close()
            return
        await asyncio.gather(copy(reader, back), copy(there, writer))
        back.close()
        writer.close()

    return connected


async def main(pairs):
    servers = []  # Listen as long as something refers to them.
    for listen, service in pairs:
        try:
            servers.append(await asyncio.start_server(to(service), *address(listen)))
        except OSError as error:
            # Not every pod has IPv6.
            if not listen.startswith("["):
                sys.exit(f"clearml-local: cannot listen on {listen}: {error}")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, lambda: loop.call_later(GRACE, stop.set))
    await stop.wait()


asyncio.run(main([pair.split("=", 1) for pair in sys.argv[1:]]))
