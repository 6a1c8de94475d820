"""Writes everything before it reads anything, and prints how much comes back.

Usage: eager_client.py HOST:PORT BYTES
"""

import socket
import sys

host, port = sys.argv[1].rsplit(":", 1)
with socket.create_connection((host or "127.0.0.1", int(port)), timeout=20) as client:
    question = bytes(range(250)) * (int(sys.argv[2]) // 250)
    try:
        client.sendall(question)
        client.shutdown(socket.SHUT_WR)
        answer = client.makefile("rb").read()
        print(f"{len(answer)} bytes came back, {'the same' if answer == question else 'others'}")
    except ConnectionError as error:
        print(f"cut: {type(error).__name__}")
