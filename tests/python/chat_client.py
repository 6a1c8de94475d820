"""A client of the chat, written from the description of its protocol alone: handlers/src/chat/PROTOCOL.md.

Usage: chat_client.py HOST:PORT|unix:PATH|udp:HOST:PORT NAME

It enters by that name, sends each line of its input, and prints what comes as it comes, from a thread of its own. It is over when the server ends the
conversation; at the end of the input it says so to the server. What comes is checked, and the first thing that the protocol does not have ends
it with 1.
"""

import queue
import re
import socket
import sys
import threading
import unicodedata

# Everything that a server may send, as the table of the protocol has it.
FORMS = re.compile(
    r"-- .*"
    r"|!! .*"
    r"|\[\S+\] (\([^()]+\) )?(\S+: .*|\* \S+ .*|-- .*)"
    r"|\[\S+ -> you\] .*"
    r"|\[you -> \S+\] .*",
)
# Far longer than an answer takes, so that only what was lost is said again.
PATIENCE = 2
TRIES = 5


class Violation(Exception):
    """The server sent what the protocol does not have."""


def checked(line):
    """A line as text, if it is one that a terminal may show."""
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise Violation(f"{line!r} is not UTF-8") from error
    for letter in text:
        if unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp"):
            raise Violation(f"{letter!r} in {line!r}")
    if not FORMS.fullmatch(text):
        raise Violation(f"{text!r} has no form that the protocol names")
    return text


class LineDoor:
    """A connection: lines that end with LF."""

    def __init__(self, address):
        if address.startswith("unix:"):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(address.removeprefix("unix:"))
        else:
            host, port = address.rsplit(":", 1)
            self.socket = socket.create_connection((host, int(port)))

    def enter(self, name):
        self.send(name)

    def send(self, line):
        self.socket.sendall(line.encode() + b"\n")

    def end(self):
        self.socket.shutdown(socket.SHUT_WR)

    def lines(self):
        with self.socket.makefile("rb") as stream:
            for line in stream:
                if not line.endswith(b"\n"):
                    raise Violation(f"the last line has no end: {line!r}")
                yield line[:-1]


class DatagramDoor:
    """A socket for datagrams: each is a line, and each of ours begins with the cookie."""

    def __init__(self, address):
        host, port = address.removeprefix("udp:").rsplit(":", 1)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((host, int(port)))
        self.early = []
        self.cookie = ""

    def enter(self, name):
        """Asks for a cookie and brings it back; both are repeated until they are answered."""
        answer = self.ask(f"/nick {name}", lambda line: line.startswith(f"/nick {name} "))
        self.cookie = answer.split(" ")[2]
        self.early.append(self.ask(answer, lambda line: line.startswith(("-- ", "!! "))).encode())

    def ask(self, question, is_answer):
        self.socket.settimeout(PATIENCE)
        for _ in range(TRIES):
            self.socket.send(question.encode())
            try:
                while True:
                    line = self.socket.recv(65536).decode()
                    if is_answer(line):
                        return line
            except TimeoutError:
                pass
        raise Violation(f"{question!r} is not answered")

    def send(self, line):
        self.socket.send(f"{self.cookie} {line}".encode())

    def end(self):
        self.send("/quit")

    def lines(self):
        yield from self.early
        self.socket.settimeout(None)
        while True:
            line = self.socket.recv(65536)
            if line.endswith(b"\n"):
                raise Violation(f"the datagram has a line end: {line!r}")
            yield line
            if line in (b"-- Bye.", b"-- The server stops. Bye."):
                return


def read(door, problems):
    """Prints what comes; at the end, says whether it was as it should be."""
    try:
        for line in door.lines():
            print(checked(line), flush=True)
        problems.put(None)
    except (Violation, OSError) as error:
        problems.put(error)


def main():
    address, name = sys.argv[1:]
    sys.stdin.reconfigure(encoding="utf-8")
    sys.stdout.reconfigure(encoding="utf-8")
    door = DatagramDoor(address) if address.startswith("udp:") else LineDoor(address)
    door.enter(name)
    problems = queue.Queue()
    threading.Thread(target=read, args=(door, problems), daemon=True).start()

    def write():
        try:
            for line in sys.stdin:
                door.send(line.rstrip("\n"))
            door.end()
        except OSError:
            # The server has ended it, which the reader sees.
            pass

    # Nobody waits for it, since it may wait for somebody to type when all is over.
    threading.Thread(target=write, daemon=True).start()
    problem = problems.get()
    if problem:
        print(f"chat_client: {problem}", file=sys.stderr)
    sys.stderr.flush()
    sys.exit(problem is not None)


if __name__ == "__main__":
    main()
