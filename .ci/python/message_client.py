"""Sends what is typed, line by line, and prints the answer to each, until that is q.

Usage: message_client.py HOST:PORT
"""

import socket
import sys

host, port = sys.argv[1].rsplit(":", 1)
with socket.create_connection((host, int(port)), timeout=20) as client:
    answers = client.makefile()
    for line in sys.stdin:
        client.sendall(line.encode())
        answer = answers.readline().rstrip("\n")
        print(f"server: {answer}", flush=True)
        if answer == "q":
            break
