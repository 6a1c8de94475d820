"""Connects many clients, lets all of them ask, and counts those who get their answer.

Usage: many_clients.py HOST:PORT CLIENTS SECONDS
"""

import socket
import sys

host, port = sys.argv[1].rsplit(":", 1)
clients = [socket.create_connection((host, int(port)), timeout=10) for _ in range(int(sys.argv[2]))]
for number, client in enumerate(clients):
    client.sendall(b"hello %06d" % number)
answered = 0
for number, client in enumerate(clients):
    client.settimeout(float(sys.argv[3]))
    try:
        answered += client.recv(12, socket.MSG_WAITALL) == b"HELLO %06d" % number
    except TimeoutError:
        pass
print(f"{answered} answered")
