"""Python's socketserver with a thread for each connection, as a row of a comparison.

    socketserver compare --against 'python=python3 bench/servers/python_socketserver.py {port} echo'

With a third word it serves datagrams, `udp` one after the other and `udp-threads` each in a thread of its own:

    socketserver compare --transport udp --against 'python=python3 bench/servers/python_socketserver.py {port} echo udp'

It is written as its documentation has it, with two settings changed so that it is compared and not its defaults: a backlog of 1,024 instead
of 5, without which a crowd waits for TCP to ask again, and small answers sent at once, as all others send them.
"""

import re
import socketserver
import sys
import time

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)


class Uppercase(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data.upper())


class Line(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    seconds = 0.0

    def handle(self):
        for line in self.rfile:
            self.take_time()
            self.wfile.write(line)


class Work(Line):
    def take_time(self):
        end = time.thread_time() + self.seconds
        while time.thread_time() < end:
            pass


class Wait(Line):
    def take_time(self):
        time.sleep(self.seconds)


class Datagram(socketserver.BaseRequestHandler):
    """A datagram is a message, and a line, by itself. What it is the answer to is decided by the handler for streams."""

    kind = Echo

    def handle(self):
        data, socket = self.request
        if issubclass(self.kind, Line):
            self.kind.take_time(self.kind)
        elif self.kind is Uppercase:
            data = data.upper()
        socket.sendto(data, self.client_address)


class Datagrams(socketserver.UDPServer):
    max_packet_size = 65535


class ThreadingDatagrams(socketserver.ThreadingMixIn, Datagrams):
    daemon_threads = True


class Server(socketserver.ThreadingTCPServer):
    request_queue_size = 1024
    allow_reuse_address = True
    daemon_threads = True

    def get_request(self):
        connection, address = super().get_request()
        connection.setsockopt(6, 1, True)  # IPPROTO_TCP, TCP_NODELAY
        return connection, address


def handler(text):
    word, _, amount = text.partition(":")
    kind = {"echo": Echo, "uppercase": Uppercase, "work": Work, "wait": Wait}[word]
    if amount:
        number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", amount).groups()
        kind.seconds = float(number) * UNITS[unit]
    return kind


if __name__ == "__main__":
    port, what = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "echo"
    carrier = sys.argv[3] if len(sys.argv) > 3 else "tcp"
    kind, server = handler(what), {"tcp": Server, "udp": Datagrams, "udp-threads": ThreadingDatagrams}[carrier]
    if carrier != "tcp":
        Datagram.kind, kind = kind, Datagram
    with server(("127.0.0.1", port), kind) as server:
        server.serve_forever()
