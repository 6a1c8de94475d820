"""Speaks first, and wants the answer from the very address that it has spoken to; prints both addresses and the answer.

Usage: datagram_exchange.py HOST:PORT TEXT...
"""

import socket
import sys

host, port = sys.argv[1].rsplit(":", 1)
server = (host, int(port))
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    client.settimeout(20)
    for text in sys.argv[2:]:
        client.sendto(text.encode("utf-8"), server)
        answer, peer = client.recvfrom(1024)
        print("I am %s:%d, and" % client.getsockname(), "%s:%d says" % peer, answer.decode("utf-8"))
        if peer != server or answer != text.encode("utf-8"):
            sys.exit(f"that was sent to {server}: {text}")
