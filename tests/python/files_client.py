"""A client of the framed file transfer, version 1, written from the description of the protocol alone.

Usage: files_client.py [--frame-max BYTES] HOST:PORT WORD...

The words are a script of verbs with their arguments, e.g. login bob pw put LOCAL REMOTE get REMOTE LOCAL ls quit. What the server says is printed,
and the first refusal ends the script. It exits as our own client does: 0 when all went well, 1 when not, 3 when nobody listens, 5 when there is no
such file, 6 when the content is not what the server hashed, 7 when it ended too early, and 8 when the login is refused.
"""

import argparse
import hashlib
import io
import json
import os
import re
import socket
import struct
import sys

FRAME_MAX = 1 << 20
PIECE = 1 << 18

# Names that are devices somewhere, whatever their extension.
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)

# How many words follow a verb in a script.
VERBS = {"login": 2, "put": 2, "get": 2, "mv": 2, "cd": 1, "mkdir": 1, "rm": 1, "stat": 1, "hash": 1, "ls": 0, "pwd": 0, "help": 0, "quit": 0}


class Incomplete(ConnectionError):
    """The end came too early."""


class Mismatch(Exception):
    """The content is not what its hash is of."""


class Violation(Exception):
    """The peer sent what the protocol does not have."""


class Refused(Exception):
    """The server's answer is that it will not."""


def frame(message, escaped=True):
    text = json.dumps(message, ensure_ascii=escaped).encode()
    return struct.pack("<i", len(text)) + text


def pieces(read, size):
    """So many bytes as they come from a socket's recv or a file's read, and never one more, since that would be the next frame's."""
    missing = size
    while missing:
        piece = read(min(missing, PIECE))
        if not piece:
            raise Incomplete(f"the end came {missing} bytes too early, of {size}")
        missing -= len(piece)
        yield piece


def components(path):
    """The names in a path that the peer has sent, none of which may lead out of where it is taken to be."""
    names = path.split("/")
    for name in names:
        if name in ("", ".", "..") or re.search(r"[\0\\]", name) or RESERVED.fullmatch(name):
            raise Violation(f"the path {path!r} is not taken")
    return names


def quoted(path):
    return '"' + re.sub(r'(["\\])', r"\\\1", path) + '"'


def size_of(text):
    return int(text.removesuffix("MiB")) << 20 if text.endswith("MiB") else int(text)


class Client:
    def __init__(self, address, timeout=20, frame_max=FRAME_MAX):
        host, port = address.rsplit(":", 1)
        self.connection = socket.create_connection((host, int(port)), timeout)
        # Who sends pieces on purpose wants them to arrive as pieces.
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.frame_max = frame_max

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def send_raw(self, data):
        self.connection.sendall(data)

    def read_exactly(self, size):
        return b"".join(pieces(self.connection.recv, size))

    def read_frame(self):
        (length,) = struct.unpack("<i", self.read_exactly(4))
        if not 1 <= length <= self.frame_max:
            raise Violation(f"a frame of {length} bytes, where 1 to {self.frame_max} are allowed")
        return self.read_exactly(length)

    def read_reply(self):
        """An object, or None from an old server that does not know the verb."""
        reply = json.loads(self.read_frame())
        if reply is not None and not (isinstance(reply, dict) and "res" in reply):
            raise Violation(f"a reply without res: {str(reply)[:80]}")
        return reply

    def command(self, line, **fields):
        self.send_raw(frame({"cmd": line, **fields}))
        reply = self.read_reply()
        # The original takes whatever has a size for the head of a body.
        if reply and reply.get("size"):
            raise Violation(f"{line!r} is answered with a size")
        return reply

    def login(self, user, password):
        return self.command("login", user=user, psd=password)

    def put(self, name, content, dst_dir=".", **fields):
        """Sends bytes, or what an open file holds, to be stored under this name in a folder of the server's."""
        file = io.BytesIO(content) if isinstance(content, bytes) else content
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        request = {"cmd": f"put {quoted(name)}", "filename": name, "src_dir": name, "dst_dir": dst_dir, "size": size, **fields}
        try:
            self.send_raw(frame(request))
            for piece in pieces(file.read, size):
                self.send_raw(piece)
        except (BrokenPipeError, ConnectionResetError):
            # Who refuses a long body may say why before closing, and that is worth more than how the sending failed.
            pass
        return self.read_reply()

    def get(self, path, into, **fields):
        """Receives a file into an open file, a folder, or under a name, where it appears only when it is whole and right."""
        self.send_raw(frame({"cmd": f"get {quoted(path)}", "filename": path, "dst_dir": ".", **fields}))
        reply = self.read_reply()
        if not reply or not {"filename", "dst_dir", "size", "file_hash"} <= reply.keys():
            if reply and reply.get("size"):
                raise Violation(f"a body without all of its fields: {reply}")
            return reply
        name = components(reply["filename"])[-1]
        if not isinstance(into, (str, os.PathLike)):
            self._receive(reply, into)
            return reply
        place = os.path.join(into, name) if os.path.isdir(into) else os.fspath(into)
        with open(f"{place}.part", "wb") as file:
            self._receive(reply, file)
        os.replace(f"{place}.part", place)
        return reply

    def _receive(self, reply, file):
        digest = hashlib.md5()
        for piece in pieces(self.connection.recv, int(reply["size"])):
            digest.update(piece)
            file.write(piece)
        if digest.hexdigest() != reply["file_hash"]:
            raise Mismatch(f"the content has the hash {digest.hexdigest()}, and {reply['file_hash']} was announced")


def step(client, verb, *words):
    """One verb of a script."""
    match verb:
        case "login":
            return client.login(*words)
        case "put":
            local, remote = words
            folder, _, name = remote.rpartition("/")
            with open(local, "rb") as file:
                return client.put(name, file, folder or ".")
        case "get":
            return client.get(*words)
        case "quit":
            return client.command("quit")
        case _:
            return client.command(" ".join([verb, *map(quoted, words)]))


def run(client, words):
    words = iter(words)
    for verb in words:
        reply = step(client, verb, *(next(words) for _ in range(VERBS[verb])))
        if reply is None:
            raise Violation(f"the server does not know {verb}")
        code = reply.get("code", 200)
        if code >= 400:
            raise Refused(reply["res"], 8 if verb == "login" else 5 if code == 404 else 1)
        print(reply["res"], flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--frame-max", type=size_of, default=FRAME_MAX)
    parser.add_argument("address")
    parser.add_argument("words", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    try:
        client = Client(arguments.address, frame_max=arguments.frame_max)
    except OSError as error:
        return f"cannot connect: {error}", 3
    with client:
        try:
            run(client, arguments.words)
        except Refused as error:
            return error.args
        except Mismatch as error:
            return error, 6
        except Incomplete as error:
            return error, 7
        except (OSError, ValueError, Violation) as error:
            return error, 1
    return None, 0


if __name__ == "__main__":
    problem, code = main()
    if problem:
        print(problem, file=sys.stderr)
    sys.exit(code)
