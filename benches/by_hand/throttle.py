#!/usr/bin/env python3
"""throttle.py ADDRESS:PORT TARGET:PORT MBIT: forwards TCP connections, and limits the
total rate of the target to MBIT/s. Bytes stay in the kernel, because both cores are in use."""
import os
import socket
import sys
import threading
import time

PIPE = 1 << 20


class Bucket:
    """One rate, shared by all connections."""

    def __init__(self, bytes_per_second):
        self.rate, self.free, self.lock = bytes_per_second, time.monotonic(), threading.Lock()
        # About 4 ms, so that several connections alternate.
        self.portion = max(16_384, min(PIPE, int(bytes_per_second * 0.004)))

    def pay(self, count):
        with self.lock:
            # An unused rate expires after 20 ms.
            self.free = max(self.free, time.monotonic() - 0.02) + count / self.rate
            wait = self.free - time.monotonic()
        if wait > 0:
            time.sleep(wait)


def pump(source, target, bucket, portion):
    """Forwards bytes until the source ends, and pays for them first."""
    reader, writer = os.pipe()
    try:
        while True:
            count = os.splice(source.fileno(), writer, portion)
            if count == 0:
                break
            if bucket:
                bucket.pay(count)
            while count > 0:
                count -= os.splice(reader, target.fileno(), count)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for one in (source, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
    finally:
        os.close(reader)
        os.close(writer)


def serve(client, address, bucket):
    with client:
        try:
            server = socket.create_connection(address, timeout=10)
        except OSError:
            return
        with server:
            server.settimeout(None)
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            upload = threading.Thread(target=pump, args=(client, server, None, 65_536), daemon=True)
            upload.start()
            pump(server, client, bucket, bucket.portion)
            upload.join(10)


def main():
    listen, target, megabits = sys.argv[1:]
    bucket = Bucket(float(megabits) * 1e6 / 8)
    host, port = target.rsplit(":", 1)
    own, own_port = listen.rsplit(":", 1)
    with socket.create_server((own, int(own_port)), backlog=64) as listener:
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client, (host, int(port)), bucket), daemon=True).start()


main()
