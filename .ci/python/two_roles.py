"""Server and client in one program: every line is answered with the number of its letters.

Usage: two_roles.py serve | two_roles.py connect HOST:PORT LINE...
"""

import socket
import sys


def serve():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"listening {listener.getsockname()[1]}", flush=True)
        connection, _ = listener.accept()
        with connection:
            for line in connection.makefile(newline="\n"):
                connection.sendall(b"%d letters\n" % len(line.strip()))


def connect(address, *lines):
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as client:
        answers = client.makefile()
        for line in lines:
            client.sendall(line.encode() + b"\n")
            print(answers.readline().rstrip("\n"))


{"serve": serve, "connect": connect}[sys.argv[1]](*sys.argv[2:])
