"""An exchange of datagrams: each is answered with twice its text, and both sides say where the other one is.

Usage: udp_exchange.py serve COUNT | udp_exchange.py ask HOST:PORT TEXT...
"""

import socket
import sys


def serve(count):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        print(f"listening {server.getsockname()[1]}", flush=True)
        for _ in range(int(count)):
            data, address = server.recvfrom(1024)
            print(data.decode(), flush=True)
            server.sendto(data * 2, address)


def ask(address, *texts):
    host, port = address.rsplit(":", 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10)
        for text in texts:
            client.sendto(text.encode(), (host, int(port)))
            data, peer = client.recvfrom(1024)
            print(f"{peer[0]}:{peer[1]}", data.decode())


{"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:])
