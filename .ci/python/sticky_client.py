"""Sends short lines, each with a call of its own, then the end, and prints what the server has to say.

Usage: sticky_client.py HOST:PORT LINES
"""

import socket
import sys

host, port = sys.argv[1].rsplit(":", 1)
with socket.create_connection((host, int(port)), timeout=10) as client:
    for number in range(int(sys.argv[2])):
        client.sendall(b"line %d\n" % number)
    client.shutdown(socket.SHUT_WR)
    print(client.makefile().read())
