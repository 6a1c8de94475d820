"""What the original does wrong with its streams, each fault as a small program, written anew: the state of things before our tests.

Usage: original_flaws.py split-header|over-read|hang-up [HOST:PORT USER PASSWORD]

Without an address the traffic goes through a pair of sockets to code with the fault, and what comes of it is printed. With an address the same
traffic goes to a server, which must not have the fault: what it does right is printed, or the script fails.
"""

import hashlib
import socket
import struct
import sys

from files_client import Client, frame

BODY = bytes(range(250)) * 6
HELP = frame({"cmd": "help"})
PUT = frame({"cmd": "put flaw.bin", "filename": "flaw.bin", "dst_dir": ".", "size": len(BODY)})


def logged_in(address, user, password):
    client = Client(address)
    is_accepted(client.login(user, password))
    return client


def is_accepted(reply):
    if not reply or reply.get("code", 200) >= 400:
        sys.exit(f"refused: {reply}")
    return reply


def split_header():
    """Whatever the first read of four bytes gives is taken for the whole length."""
    for at in (1, 2, 3):
        client, server = socket.socketpair()
        client.sendall(HELP[:at])
        try:
            struct.unpack("i", server.recv(4))
        except struct.error as error:
            print(f"{at} of 4 bytes: {error}")


def split_header_at(*server):
    client = logged_in(*server)
    for at in (1, 2, 3):
        client.send_raw(HELP[:at])
        # Only time makes it likely that the server reads what has come so far. If it does not, the test says less, and nothing wrong.
        client.connection.settimeout(0.05)
        try:
            client.connection.recv(1, socket.MSG_PEEK)
            sys.exit("answered before the request was whole")
        except TimeoutError:
            client.connection.settimeout(20)
        client.send_raw(HELP[at:])
        is_accepted(client.read_reply())
        print(f"{at} of 4 bytes: answered")


def over_read():
    """Each read of a body asks for 1,024 bytes, however many are still to come."""
    client, server = socket.socketpair()
    client.sendall(BODY + HELP)
    written = 0
    while written < len(BODY):
        written += len(server.recv(1024))
    print(f"{written} bytes written for {len(BODY)}")


def over_read_at(*server):
    client = logged_in(*server)
    client.send_raw(PUT + BODY + HELP)
    if is_accepted(client.read_reply())["file_hash"] != hashlib.md5(BODY).hexdigest():
        sys.exit("what is stored is not what was sent")
    is_accepted(client.read_reply())
    print(f"{len(BODY)} bytes written for {len(BODY)}, and the request behind them is answered")


def hang_up():
    """A read that gives nothing, which is the end, is taken for one that gives nothing yet."""
    client, server = socket.socketpair()
    client.sendall(BODY[:500])
    client.close()
    written = empty = 0
    while written < len(BODY) and empty < 1000:
        piece = server.recv(1024)
        written += len(piece)
        empty += not piece
    print(f"{written} of {len(BODY)} bytes, then {empty} empty reads, and no end")


def hang_up_at(*server):
    for place, traffic in {"a length": PUT[:2], "a frame": PUT[:30], "a body": PUT + BODY[:500]}.items():
        with logged_in(*server) as client:
            client.send_raw(traffic)
        with logged_in(*server) as other:
            is_accepted(other.command("help"))
        print(f"hung up in {place}: others are served")


MODES = {"split-header": (split_header, split_header_at), "over-read": (over_read, over_read_at), "hang-up": (hang_up, hang_up_at)}

mode, *server = sys.argv[1:]
MODES[mode][bool(server)](*server)
