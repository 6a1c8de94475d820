"""Talks to a server the way tutorials do, and compares what comes back.

Usage: client.py HOST:PORT|unix:PATH echo|uppercase CONVERSATION
"""

import socket
import sys
import threading


def connect(address):
    if address.startswith("unix:"):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(20)
        client.connect(address.removeprefix("unix:"))
        return client
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=20)


def receive_all(client):
    """Receives until the server ends its side."""
    received = b""
    while data := client.recv(4096):
        received += data
    return received


def half_close(client, answer):
    """One question, the end of our side, and then the whole answer."""
    question = b"Hello, World!\n"
    client.sendall(question)
    client.shutdown(socket.SHUT_WR)
    return receive_all(client), answer(question)


def megabyte(client, answer):
    """A megabyte in both directions at once: whoever only sends is not read from for ever."""
    question = bytes(range(256)) * 4096

    def send():
        client.sendall(question)
        client.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send)
    sender.start()
    received = receive_all(client)
    sender.join()
    return received, answer(question)


def byte_at_a_time(client, answer):
    """Every byte alone, and the next one only after the answer to it."""
    question = b"One byte after the other, 100 % correct.\n" * 10
    received = b""
    for byte in question:
        client.sendall(bytes([byte]))
        received += client.recv(1)
    return received, answer(question)


def lines(client, answer):
    """A conversation in lines, with a file made from the socket."""
    question = [b"first line\n", b"Second Line\n", b"\n", b"the last one\n"]
    with client.makefile("rwb") as file:
        received = b""
        for line in question:
            file.write(line)
            file.flush()
            received += file.readline()
    return received, answer(b"".join(question))


ANSWERS = {"echo": bytes, "uppercase": bytes.upper}
CONVERSATIONS = {function.__name__: function for function in (half_close, megabyte, byte_at_a_time, lines)}


def main():
    address, handler, conversation = sys.argv[1:]
    with connect(address) as client:
        received, expected = CONVERSATIONS[conversation](client, ANSWERS[handler])
    if received != expected:
        sys.exit(f"received {len(received)} bytes, expected {len(expected)}: {received[:60]!r} ...")


if __name__ == "__main__":
    main()
