"""Serves one client after the other as tutorials do: prints what each sends, and answers without line ends with what is typed, until that is q.

Usage: turn_server.py CLIENTS
"""

import socket
import sys

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(5)
print(f"listening {listener.getsockname()[1]}", flush=True)
for _ in range(int(sys.argv[1])):
    connection, _ = listener.accept()
    while True:
        line = connection.recv(1024)
        if not line:
            print("the client has gone", flush=True)
            break
        print("client:", line.decode("utf-8").rstrip("\n"), flush=True)
        answer = input()
        connection.send(answer.encode("utf-8"))
        if answer == "q":
            break
    connection.close()
listener.close()
