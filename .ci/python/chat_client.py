"""Says its lines, if it has any, and prints what it hears until the server ends.

Usage: chat_client.py HOST:PORT [LINE...]
"""

import socket
import sys

host, port = sys.argv[1].rsplit(":", 1)
with socket.create_connection((host, int(port)), timeout=20) as client:
    for line in sys.argv[2:]:
        client.sendall(line.encode() + b"\n")
    for line in client.makefile():
        print(line.rstrip("\n"), flush=True)
