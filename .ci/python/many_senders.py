"""Sends one datagram each from many addresses and waits for each answer; the server must not need more memory for that.

Usage: many_senders.py HOST:PORT SENDERS PID KIBIBYTES
"""

import socket
import sys
from pathlib import Path


def resident(pid):
    """How much memory of the process is in use, in KiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def exchange(server, number):
    # The whole network is local, so that no two senders have the same address.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(20)
        client.bind((f"127.1.{number // 250}.{number % 250 + 1}", 0))
        client.sendto(b"I am number %d" % number, server)
        if client.recv(100) != b"I am number %d" % number:
            sys.exit(f"sender {number} got something else")


host, port = sys.argv[1].rsplit(":", 1)
senders, pid, most = map(int, sys.argv[2:])
server = (host, int(port))
for number in range(100):
    # What is needed at all is there after these.
    exchange(server, number)
before = resident(pid)
for number in range(100, 100 + senders):
    exchange(server, number)
grown = resident(pid) - before
if grown > most:
    sys.exit(f"the server had {before} KiB and has {grown} KiB more")
