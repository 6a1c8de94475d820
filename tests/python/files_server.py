"""A server of the framed file transfer, version 1, written from the description of the protocol alone.

Usage: files_server.py [OPTION]... HOST:PORT ROOT NAME:PASSWORD...

Its first line says where it listens. Like the original it answers a verb that it does not know with null and is dead from then on, though the
connection stays open. The options make it misbehave, each for one test of a client.
"""

import argparse
import hashlib
import json
import math
import os
import secrets
import shlex
import socketserver
import struct
from pathlib import Path

from files_client import FRAME_MAX, Violation, components, frame, pieces, size_of

# What a refused body may have so that it is read and dropped, and the session goes on.
DRAIN_MAX = 1 << 20
WRONG_LOGINS_MAX = 3


class Refusal(Exception):
    """A code, a stable word, and what the user is told."""


class Session(socketserver.StreamRequestHandler):
    timeout = 60
    disable_nagle_algorithm = True

    def handle(self):
        self.user = None
        self.wrong_logins = 0
        self.names = []
        try:
            while self.answers():
                pass
        except (ConnectionError, TimeoutError):
            # Who hangs up has nobody to be told about it.
            pass

    def answers(self):
        """Reads one request and answers it; whether the session goes on."""
        # Until a request is understood, nobody knows where the next one begins.
        self.missing = math.inf
        try:
            request = self.request_read()
            # What is no text has no strip; shlex would take None for a wish to read what is typed at the server.
            verb, *words = shlex.split(request["cmd"].strip())
            if verb not in VERBS:
                self.send(frame(None))
                self.server.abandoned.append(self.connection)
                return False
            if self.user is None and verb not in ("login", "help", "quit"):
                raise Refusal(401, "auth", "log in first")
            if self.missing and verb != "put":
                raise Refusal(400, "bad_request", f"{verb} has no body")
            return VERBS[verb](self, request, *words) is not False
        except (ConnectionError, TimeoutError):
            raise
        except Refusal as refusal:
            code, err, text = refusal.args
        except Violation as violation:
            code, err, text = 403, "denied", str(violation)
        except FileNotFoundError:
            code, err, text = 404, "not_found", "there is nothing of this name"
        except FileExistsError:
            code, err, text = 409, "exists", "there is already something of this name"
        except (OSError, AttributeError, LookupError, TypeError, ValueError) as error:
            # Too few words, too many, or something of another type where a name should be.
            code, err, text = 400, "bad_request", f"this cannot be done: {error}"
        goes_on = self.missing <= DRAIN_MAX
        if goes_on:
            for _ in self.body():
                pass
        self.reply(code, text, err=err)
        return goes_on and self.wrong_logins < WRONG_LOGINS_MAX

    def request_read(self):
        (length,) = struct.unpack("<i", b"".join(pieces(self.rfile.read, 4)))
        if not 1 <= length <= self.server.options.frame_max:
            raise Refusal(413, "too_big", f"a frame of {length} bytes is not taken")
        try:
            request = json.loads(b"".join(pieces(self.rfile.read, length)))
            size = int(request.get("size") or 0)
            if size < 0:
                raise ValueError("its size is below zero")
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise Refusal(400, "bad_frame", f"a frame is no request: {error}") from None
        self.missing = size
        return request

    def body(self):
        for piece in pieces(self.rfile.read, self.missing):
            self.missing -= len(piece)
            yield piece

    def reply(self, code, text, **fields):
        if self.server.options.header_padding:
            fields["padding"] = "x" * self.server.options.header_padding
        self.send(frame({"res": text, "code": code, **fields}))

    def send(self, data):
        step = self.server.options.split or max(1, len(data))
        for start in range(0, len(data), step):
            self.connection.sendall(data[start : start + step])

    def path(self, text, below=None):
        """Where a path of the client's leads from the session's folder, or from another one."""
        path = below or self.server.root.joinpath(*self.names)
        for name in [] if text == "." else components(text):
            path /= name
            # Between this look and the use somebody on the server's side could make a link, which a server for tests may ignore.
            if path.is_symlink():
                raise Refusal(403, "denied", "links are not followed")
        return path

    def login(self, request, *words):
        user, password = request.get("user"), request.get("psd")
        if user is None and len(words) == 2:
            user, password = words
        self.user = user if user in self.server.users and self.server.users[user] == password else None
        if self.user is None:
            self.wrong_logins += 1
            raise Refusal(401, "auth", "wrong name or password")
        self.reply(200, f"welcome, {user}")

    def put(self, request, *words):
        name = request.get("filename") or words[0]
        place = self.path(name, self.path(request.get("dst_dir") or "."))
        if place.is_dir():
            raise Refusal(409, "exists", "a folder has this name")
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_name(f".{place.name}.{secrets.token_hex(4)}.part")
        digest = hashlib.md5()
        try:
            with part.open("wb") as file:
                for piece in self.body():
                    digest.update(piece)
                    # What is all zeros is a hole, so that a large file that is sparse takes little room here, too.
                    if piece.count(0) < len(piece):
                        file.write(piece)
                    else:
                        file.seek(len(piece), os.SEEK_CUR)
                file.truncate()
            if request.get("file_hash", digest.hexdigest()).lower() != digest.hexdigest():
                raise Refusal(422, "hash", "the content does not have the hash that was announced")
            part.replace(place)
        finally:
            part.unlink(missing_ok=True)
        self.reply(201, f"{name} is stored", file_hash=digest.hexdigest())

    def get(self, request, *words):
        options = self.server.options
        path = self.wanted(request, *words)
        place = self.path(path)
        with place.open("rb") as file:
            digest = hashlib.file_digest(file, "md5").hexdigest()
            size = file.tell()
            file.seek(0)
            head = {"filename": options.evil_name or place.name, "dst_dir": request.get("dst_dir") or ".", "size": size, "file_hash": digest}
            self.reply(200, f"{path} has {size} bytes", **head)
            sent = 0
            for piece in pieces(file.read, size):
                if options.bad_hash and not sent:
                    piece = bytes([piece[0] ^ 1]) + piece[1:]
                if options.hang_up_after is not None and sent + len(piece) > options.hang_up_after:
                    self.send(piece[: options.hang_up_after - sent])
                    return False
                self.send(piece)
                sent += len(piece)
        return True

    @staticmethod
    def wanted(request, *words):
        """What is typed is a path and the field a name to store under; only where the two disagree, the field says what is wanted."""
        name = request.get("filename") or words[0]
        return words[0] if words and words[0].rpartition("/")[2] == name else name

    def ls(self, _request, path="."):
        entries = [entry_of(place) for place in sorted(self.path(path).iterdir()) if not place.name.endswith(".part")]
        self.reply(200, "\n".join(f"{entry['size']:>12} {entry['name']}" for entry in entries), entries=entries)

    def cd(self, _request, path="/"):
        """A session may go back to the root and up to its parent, which no path may."""
        names = [] if path == "/" else self.names[:-1] if path == ".." else self.path(path).relative_to(self.server.root).parts
        if not self.server.root.joinpath(*names).is_dir():
            raise FileNotFoundError
        self.names = list(names)
        self.pwd({})

    def pwd(self, _request):
        self.reply(200, "/" + "/".join(self.names))

    def mkdir(self, _request, path):
        self.path(path).mkdir()
        self.reply(201, f"{path} is made")

    def rm(self, _request, path):
        place = self.path(path)
        place.rmdir() if place.is_dir() else place.unlink()
        self.reply(200, f"{path} is removed")

    def mv(self, _request, path, new):
        place = self.path(new)
        if place.exists():
            raise FileExistsError
        self.path(path).rename(place)
        self.reply(200, f"{path} is now {new}")

    def stat(self, _request, path):
        """The size stands in an entry, since a reply with a size would have a body."""
        entry = entry_of(self.path(path))
        self.reply(200, f"{entry['type']} {path}, {entry['size']} bytes", entry=entry)

    def hash(self, _request, path, algorithm="md5"):
        """Of those that the protocol has, Python has no blake3."""
        if algorithm not in ("md5", "sha256"):
            raise Refusal(400, "bad_request", f"there is no hash called {algorithm}")
        with self.path(path).open("rb") as file:
            digest = hashlib.file_digest(file, algorithm).hexdigest()
        self.reply(200, digest, hash=digest, hash_alg=algorithm)

    def help(self, _request):
        self.reply(200, " ".join(VERBS))

    def quit(self, _request):
        self.reply(200, "bye")
        return False


# A table that is fixed, since a client who could name any attribute could call what is no verb.
VERBS = {
    name: getattr(Session, name) for name in ("login", "put", "get", "ls", "cd", "pwd", "mkdir", "rm", "mv", "stat", "hash", "help", "quit")
}


def entry_of(place):
    status = place.stat()
    return {"name": place.name, "type": "folder" if place.is_dir() else "file", "size": status.st_size, "mtime": int(status.st_mtime)}


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    # A hundred clients who come at once are not to be tried again by their kernel a second later.
    request_queue_size = 128

    def __init__(self, options):
        host, port = options.address.rsplit(":", 1)
        self.options = options
        self.root = options.root.resolve()
        self.users = dict(user.split(":", 1) for user in options.users)
        self.abandoned = []
        super().__init__((host, int(port)), Session)

    def shutdown_request(self, request):
        if request not in self.abandoned:
            super().shutdown_request(request)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--frame-max", type=size_of, default=FRAME_MAX)
    parser.add_argument("--split", type=int, metavar="BYTES", help="send every reply in pieces of this size")
    parser.add_argument("--header-padding", type=int, metavar="BYTES", help="add a key of this length to every reply")
    parser.add_argument("--hang-up-after", type=int, metavar="BYTES", help="close in the middle of what is got")
    parser.add_argument("--evil-name", metavar="NAME", help="tell who gets a file to store it under this name")
    parser.add_argument("--bad-hash", action="store_true", help="change a bit of what is got")
    parser.add_argument("address")
    parser.add_argument("root", type=Path)
    parser.add_argument("users", nargs="+")
    with Server(parser.parse_args()) as server:
        print("listening %s:%d" % server.server_address, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
