"""Speaks first, as tutorials do: one line that is typed, without a line end, to one client, whose connection it leaves open until its input ends.

Usage: speaking_server.py
"""

import socket

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(5)
print(f"listening {listener.getsockname()[1]}", flush=True)
connection, _ = listener.accept()
connection.send(input().encode("utf-8"))
try:
    input()
except EOFError:
    connection.close()
