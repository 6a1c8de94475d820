"""Prints what the client says, line by line, and answers with what is typed. Its q ends the client; then comes the next one.

Usage: message_server.py CLIENTS
"""

import socket
import sys

with socket.create_server(("127.0.0.1", 0)) as listener:
    print(f"listening {listener.getsockname()[1]}", flush=True)
    for _ in range(int(sys.argv[1])):
        connection, _ = listener.accept()
        with connection:
            for line in connection.makefile():
                print("client:", line.rstrip("\n"), flush=True)
                answer = input()
                connection.sendall(answer.encode() + b"\n")
                if answer == "q":
                    break
