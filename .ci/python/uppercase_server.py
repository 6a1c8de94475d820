"""Serves one client after the other: what comes with one read goes back in capital letters.

Usage: uppercase_server.py CLIENTS
"""

import socket
import sys

with socket.create_server(("127.0.0.1", 0)) as listener:
    print(f"listening {listener.getsockname()[1]}", flush=True)
    for _ in range(int(sys.argv[1])):
        connection, _ = listener.accept()
        with connection:
            while data := connection.recv(1024):
                connection.sendall(data.upper())
