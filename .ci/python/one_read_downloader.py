"""A file server as tutorials write it: one recv is taken for the whole name. It is here to be found guilty."""

import socketserver
import sys


class Downloader(socketserver.BaseRequestHandler):
    FILES = {b"a.txt": b"the content of a\n", b"b.txt": b"the content of b\n"}

    def handle(self):
        name = self.request.recv(1024).strip()
        self.request.sendall(self.FILES.get(name, b""))


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


with Server(("127.0.0.1", 0), Downloader) as server:
    print(server.server_address[1], flush=True)
    sys.stdout.close()
    server.serve_forever()
