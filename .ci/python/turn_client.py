"""Sends its lines as tutorials do, without line ends, and prints each answer, until that is q.

Usage: turn_client.py HOST:PORT LINE...
"""

import socket
import sys

host, port = sys.argv[1].rsplit(":", 1)
client = socket.socket()
client.settimeout(20)
client.connect((host, int(port)))
for line in sys.argv[2:]:
    client.send(line.encode("utf-8"))
    answer = client.recv(1024).decode("utf-8")
    print(answer, flush=True)
    if answer == "q":
        break
client.close()
