"""The handler of the example of the same name, on a class of Python's socketserver. It ends with its input.

Usage: request_handler.py CLASS [PATH]
"""

import socketserver
import sys
import threading


class Greeter(socketserver.StreamRequestHandler):
    def setup(self):
        super().setup()
        print("setup", flush=True)

    def handle(self):
        name = self.rfile.readline().decode().strip()
        print(f"handle {name}", flush=True)
        if not name:
            raise ValueError("a name is missing")
        self.wfile.write(f"hello {name}\n".encode())

    def finish(self):
        print("finish", flush=True)
        super().finish()


address = sys.argv[2] if len(sys.argv) > 2 else ("127.0.0.1", 0)
with getattr(socketserver, sys.argv[1])(address, Greeter) as server:
    # What is printed for an error is not compared.
    server.handle_error = lambda *_: None
    print("listening", server.server_address if len(sys.argv) > 2 else server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, args=[0.05]).start()
    sys.stdin.read()
    server.shutdown()
