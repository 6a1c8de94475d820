"""The downloader of the tutorials: a name is sent with one call, and what comes back until the end is the file.

Usage: downloader.py serve FOLDER COUNT | downloader.py fetch HOST:PORT NAME...
"""

import os
import socket
import sys


def serve(folder, count):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"listening {listener.getsockname()[1]}", flush=True)
        for _ in range(int(count)):
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(10)
                name = os.path.basename(connection.recv(1024).decode().strip())
                try:
                    with open(os.path.join(folder, name), "rb") as file:
                        connection.sendfile(file)
                except FileNotFoundError:
                    pass


def fetch(address, *names):
    host, port = address.rsplit(":", 1)
    for name in names:
        with socket.create_connection((host, int(port)), timeout=10) as client:
            # Without a line end, and without an end of this side.
            client.sendall(name.encode())
            content = b""
            while piece := client.recv(1024):
                content += piece
            print(name, len(content), content[:10])


{"serve": serve, "fetch": fetch}[sys.argv[1]](*sys.argv[2:])
