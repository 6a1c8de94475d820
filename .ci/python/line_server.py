"""Python's own line handler: rfile.readline() frames, so that no cut makes a difference."""

import socketserver
import sys


class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


with Server(("127.0.0.1", 0), Lines) as server:
    print(server.server_address[1], flush=True)
    sys.stdout.close()
    server.serve_forever()
