"""Messages behind a length of four bytes with a sign, the least significant first.

Usage: length_prefix.py serve | length_prefix.py send HOST:PORT MESSAGE... | length_prefix.py raw HOST:PORT HEX
"""

import socket
import struct
import sys


def receive_exactly(connection, length):
    data = b""
    while len(data) < length:
        piece = connection.recv(length - len(data))
        if not piece:
            return None
        data += piece
    return data


def receive(connection):
    header = receive_exactly(connection, 4)
    return header and receive_exactly(connection, *struct.unpack("<i", header))


def frame(message):
    return struct.pack("<i", len(message)) + message


def serve():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"listening {listener.getsockname()[1]}", flush=True)
        connection, _ = listener.accept()
        with connection:
            while (message := receive(connection)) is not None:
                connection.sendall(frame(message.upper()))


def send(address, *messages):
    """Sends all messages with one call, then byte by byte."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = b"".join(frame(message.encode()) for message in messages)
        client.sendall(stream)
        for byte in stream:
            client.sendall(bytes([byte]))
        for _ in range(2 * len(messages)):
            print(receive(client).decode())


def raw(address, digits):
    """Sends bytes as they are, and prints what comes back to the end."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(bytes.fromhex(digits))
        print(client.makefile("rb").read())


{"serve": serve, "send": send, "raw": raw}[sys.argv[1]](*sys.argv[2:])
