"""Sends each text and prints the answer, which has as many bytes.

Usage: uppercase_client.py HOST:PORT TEXT...
"""

import socket
import sys

host, port = sys.argv[1].rsplit(":", 1)
with socket.create_connection((host, int(port)), timeout=10) as client:
    for text in sys.argv[2:]:
        question = text.encode()
        client.sendall(question)
        answer = b""
        while len(answer) < len(question):
            data = client.recv(1024)
            if not data:
                sys.exit("the server has closed")
            answer += data
        print(answer.decode())
