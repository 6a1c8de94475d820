"""Three clients one after the other, of which the second has no name: prints what each of them hears.

Usage: name_client.py HOST:PORT|PATH
"""

import socket
import sys


def connect(address):
    if address.startswith("/"):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(10)
        client.connect(address)
        return client
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=10)


for name in ["Anna", "", "Otto"]:
    with connect(sys.argv[1]) as client:
        client.sendall(name.encode() + b"\n")
        print(client.makefile().read().splitlines())
