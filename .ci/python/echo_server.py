"""Sends back to one client what it receives, and reads nothing while it sends.

Usage: echo_server.py
"""

import socket

with socket.create_server(("127.0.0.1", 0)) as listener:
    print(f"listening {listener.getsockname()[1]}", flush=True)
    connection, _ = listener.accept()
    connection.settimeout(10)
    with connection:
        while data := connection.recv(65536):
            connection.sendall(data)
