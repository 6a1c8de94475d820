"""What must be true of a server of the framed file transfer, whoever has written it, as its clients see it.

Each check is a function whose name is a sentence. It is given what starts a server, with options if it wants some: an object with an address, the
name of its mode, and the folder that it serves, in which there is `up`. It serves bob, whose password is pw.
"""

import concurrent.futures
import contextlib
import hashlib
import io
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from files_client import Client, frame

# Far longer than anything here takes, so that only what hangs is cut off.
DEADLINE = 30
DEADLINE_LARGE = 900

LOGIN = bytes.fromhex("2c000000 7b22636d64223a20226c6f67696e222c202275736572223a2022626f62222c2022707364223a20227077227d")
PUT = b'\x59\0\0\0{"cmd": "put a.txt", "filename": "a.txt", "src_dir": "a.txt", "dst_dir": "up", "size": 3}abc'
ABC = "900150983cd24fb0d6963f7d28e17f72"
SHA256_OF_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
REPLY = b'\x0d\0\0\0{"res": "ok"}'
GOT = b'\x6f\0\0\0{"res": "ok", "filename": "a.txt", "dst_dir": "dl", "size": 3, "file_hash": "900150983cd24fb0d6963f7d28e17f72"}abc'
HOSTILE = [bytes.fromhex(digits) for digits in ("ffffff7f", "ffffffff", "00000000", "03000000 5b5d0a")]
CUT = bytes.fromhex("02000000 7b")

NAMES = ["grüße.txt", "你好，世界.txt", "😀 and a blank.txt", 'with "quotes".txt']


class Failure(Exception):
    """What was not as it should be, in one sentence."""


def session(server, timeout=DEADLINE):
    client = Client(server.address, timeout)
    reply = client.login("bob", "pw")
    # A server may check a few passwords at a time, and say to others that they should come again. Waiting is all that a client can do then.
    end = time.monotonic() + DEADLINE
    while reply and reply.get("err") == "busy" and time.monotonic() < end:
        time.sleep(0.05)
        reply = client.login("bob", "pw")
    accepted(reply)
    return client


@contextlib.contextmanager
def undisturbed(server):
    """Another session, which goes on after whatever happens meanwhile. Where one is served at a time, it comes afterwards."""
    if server.mode == "serial":
        yield
    with session(server) as other:
        accepted(other.put("before.txt", b"before"))
        if server.mode != "serial":
            yield
        accepted(other.command('stat "before.txt"'))
        agree("what another session gets", received(other, "before.txt"), b"before")


def run(*words, **environment):
    environment = {**os.environ, **environment}
    return subprocess.run([*map(str, words)], capture_output=True, text=True, encoding="utf-8", timeout=DEADLINE_LARGE, env=environment)


def ends_with(done, *codes):
    if done.returncode not in codes:
        raise Failure(f"it ends with {done.returncode} and not with {codes}: {done.stdout}{done.stderr}")
    return done.stdout


def flaw(mode, server=None):
    """What the program with the faults of the original prints."""
    place = [server.address, "bob", "pw"] if server else []
    return ends_with(run(sys.executable, "-B", Path(__file__).with_name("original_flaws.py"), mode, *place), 0).splitlines()


def in_parts(connection, *parts):
    for part in parts:
        connection.sendall(part)
        # Only time makes it likely that the parts are read apart. If they are not, the check says less, and nothing wrong.
        time.sleep(0.001)


def agree(what, found, expected):
    if found != expected:
        raise Failure(f"{what}: {str(found)[:300]!r} and not {str(expected)[:300]!r}")


def accepted(reply):
    if reply is None or reply.get("code", 200) >= 400:
        raise Failure(f"refused: {reply}")
    return reply


def refused(reply):
    if reply is None or reply.get("code", 200) < 400:
        raise Failure(f"not refused: {reply}")
    return reply


def only_refused(client, data, no_more=False):
    """One refusal at most; then the connection is closed, or goes on in step."""
    try:
        client.send_raw(data)
        if no_more:
            client.connection.shutdown(socket.SHUT_WR)
        refused(client.read_reply())
        accepted(client.command("quit"))
    except ConnectionError:
        pass


def is_over(client):
    try:
        raise Failure(f"the connection is not closed: {client.read_exactly(1)}")
    except ConnectionError:
        pass


def received(client, path):
    """The content of a file, if its reply is one with a body."""
    file = io.BytesIO()
    reply = accepted(client.get(path, file))
    agree("the fields of a body", {"filename", "dst_dir", "size", "file_hash"} - reply.keys(), set())
    # Where a file lies on the server is nobody's business.
    agree("src_dir in a reply", reply.get("src_dir"), None)
    return file.getvalue()


def content(size, seed=0):
    return random.Random(seed).randbytes(size)


def md5(data):
    return hashlib.md5(data).hexdigest()


def md5_of(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def is_sparse(what, path):
    """Whether the holes in the large file take no room on the disk."""
    status = path.stat()
    agree(f"{what} takes a tenth of its size at most", status.st_blocks * 512 * 10 <= status.st_size, True)


def folder_beside(server):
    return Path(tempfile.mkdtemp(prefix="local.", dir=server.root.parent))


def a_right_login_is_accepted(start):
    with start() as server, session(server) as client:
        accepted(client.command("pwd"))
        agree("bye", "bye" in accepted(client.command("quit"))["res"], True)
        is_over(client)


def a_wrong_login_is_refused_and_a_right_one_may_follow(start):
    with start() as server, Client(server.address, DEADLINE) as client:
        refused(client.login("bob", "wrong"))
        refused(client.login("nobody", "pw"))
        refused(client.command("pwd"))
        accepted(client.command("login bob pw"))
        accepted(client.command("pwd"))


def three_wrong_logins_end_the_connection(start):
    with start() as server, undisturbed(server), Client(server.address, DEADLINE) as client:
        for _ in range(2):
            refused(client.login("bob", "wrong"))
        client.send_raw(LOGIN.replace(b"pw", b"PW"))
        with contextlib.suppress(ConnectionError):
            refused(client.read_reply())
        is_over(client)


def everything_is_refused_before_the_login(start):
    with start() as server, Client(server.address, DEADLINE) as client:
        (server.root / "secret.txt").write_bytes(b"secret")
        for line in ("ls", "pwd", "cd up", "mkdir new", "rm secret.txt", "mv secret.txt new", "stat secret.txt", "hash secret.txt"):
            refused(client.command(line))
        refused(client.get("secret.txt", io.BytesIO()))
        refused(client.put("new", b"abc"))
        accepted(client.command("help"))
        agree("what is there", sorted(place.name for place in server.root.iterdir()), ["secret.txt", "up"])
        accepted(client.login("bob", "pw"))
        agree("the content", received(client, "secret.txt"), b"secret")


def a_long_upload_before_the_login_is_refused_and_disturbs_nobody(start):
    with start() as server, undisturbed(server), Client(server.address, DEADLINE) as client:
        only_refused(client, frame({"cmd": "put long", "filename": "long", "dst_dir": ".", "size": 3 << 20}) + bytes(3 << 20))
        agree("a file of that name", (server.root / "long").exists(), False)


def what_is_put_can_be_got(start):
    data = content(300_000)
    with start() as server, session(server) as client:
        agree("the hash", accepted(client.put("a.bin", data))["file_hash"], md5(data))
        agree("the stored content", (server.root / "a.bin").read_bytes(), data)
        agree("the content", received(client, "a.bin"), data)
        accepted(client.put("b.bin", data, "up", file_hash=md5(data)))
        agree("the content in a folder", received(client, "up/b.bin"), data)
        refused(client.put("c.bin", data, file_hash=md5(b"")))
        agree("a file with a wrong hash", (server.root / "c.bin").exists(), False)
        refused(client.get("c.bin", io.BytesIO()))
        accepted(client.put("d.bin", b"abc", size="3"))
        agree("the content after a size in quotes", received(client, "d.bin"), b"abc")


def an_empty_file_goes_both_ways(start):
    with start() as server, session(server) as client:
        target = folder_beside(server) / "empty"
        agree("the hash", accepted(client.put("empty", b""))["file_hash"], md5(b""))
        agree("the stored content", (server.root / "empty").read_bytes(), b"")
        reply = accepted(client.get("empty", target))
        agree("the reply", (reply["size"], reply["file_hash"], target.read_bytes()), (0, md5(b""), b""))


def names_in_unicode_are_the_same_escaped_and_raw(start):
    with start() as server, session(server) as client:
        for name in NAMES:
            accepted(client.put(name, name.encode()))
            agree("the stored content", (server.root / name).read_bytes(), name.encode())
            agree("the content", received(client, name), name.encode())
            request = {"cmd": "put", "filename": f"raw {name}", "dst_dir": "up", "size": 3}
            client.send_raw(frame(request, escaped=False) + b"raw")
            accepted(client.read_reply())
            agree("what is stored from raw letters", (server.root / "up" / f"raw {name}").read_bytes(), b"raw")
        client.send_raw(frame({"cmd": "ls"}))
        text = client.read_frame()
        agree("escaped letters only", text.isascii(), True)
        client.send_raw(frame({"cmd": "ls"}))
        listed = client.read_reply()["res"]
        agree("the names in a list", [name for name in NAMES if name in listed], NAMES)


def the_commands_do_what_they_say(start):
    with start() as server, session(server) as client:
        accepted(client.command('mkdir "a folder"'))
        accepted(client.command('cd "a folder"'))
        agree("where it is", "a folder" in accepted(client.command("pwd"))["res"], True)
        accepted(client.put("a.txt", b"abc"))
        agree("the size", "3" in accepted(client.command("stat a.txt"))["res"], True)
        agree("the hash", accepted(client.command("hash a.txt"))["hash"], ABC)
        agree("another hash", accepted(client.command("hash a.txt sha256"))["hash"], SHA256_OF_ABC)
        refused(client.command("hash a.txt crc32"))
        accepted(client.command('mv a.txt "b b.txt"'))
        agree("the list", "b b.txt" in accepted(client.command("ls"))["res"], True)
        agree("the stored content", (server.root / "a folder" / "b b.txt").read_bytes(), b"abc")
        refused(client.command("stat a.txt"))
        accepted(client.command('rm "b b.txt"'))
        agree("what is left", list((server.root / "a folder").iterdir()), [])
        refused(client.command("cd nowhere"))


def each_session_has_its_own_login_and_folder(start):
    with start() as server, undisturbed(server), session(server) as client:
        accepted(client.command("cd up"))
        accepted(client.put("mine.txt", b"mine"))
        agree("the stored content", (server.root / "up" / "mine.txt").read_bytes(), b"mine")


def an_unknown_verb_does_not_end_the_session(start):
    with start() as server, session(server) as client:
        for line in ("frobnicate", "order_handler", "__init__", "LS"):
            agree("the code", refused(client.command(line)).get("code"), 404)
        accepted(client.command("pwd"))


def an_unknown_verb_is_answered_with_null_and_silence(start):
    with start() as server, undisturbed(server), session(server) as client:
        agree("the reply", client.command("hello", v=2), None)
        client.send_raw(frame({"cmd": "pwd"}))
        client.connection.settimeout(0.3)
        with contextlib.suppress(TimeoutError):
            raise Failure(f"it is not silent: {client.read_reply()}")


def paths_that_lead_out_are_refused(start):
    with start() as server, session(server) as client:
        outside = folder_beside(server) / "outside.txt"
        outside.write_bytes(b"outside")
        (server.root / "link").symlink_to(outside.parent)
        (server.root / "up" / "link.txt").symlink_to(outside)
        way = os.path.relpath(outside, server.root)
        for path in (way, f"up/../{way}", str(outside), "link/outside.txt", "up//../..", "a\0b"):
            refused(client.put(path, b"evil"))
            refused(client.get(path, io.BytesIO()))
            refused(client.command(f'rm "{path}"'))
        refused(client.put("evil.txt", b"evil", str(outside.parent)))
        refused(client.put("evil.txt", b"evil", os.path.dirname(way)))
        refused(client.put("evil.txt", b"evil", "link"))
        refused(client.get("up/link.txt", io.BytesIO()))
        # A link itself may be replaced or removed as a file may, as long as that does nothing where it leads.
        client.put("up/link.txt", b"evil")
        client.command("rm up/link.txt")
        agree("what is outside", [(place.name, place.read_bytes()) for place in outside.parent.iterdir()], [("outside.txt", b"outside")])


def a_header_of_3_mb_is_refused_and_disturbs_nobody(start):
    with start() as server, undisturbed(server), session(server) as client:
        only_refused(client, frame({"cmd": "pwd", "padding": "x" * 3_000_000}))


def a_header_of_3_mb_is_accepted_where_it_is_allowed(start):
    with start("--frame-max", "4MiB") as server, session(server) as client:
        accepted(client.command("pwd", padding="x" * 3_000_000))
        accepted(client.put("a.txt", b"abc", padding="x" * 3_000_000))


def a_hundred_connections_put_and_get_at_once(start):
    def one(number):
        data = content(10_000 + number, number)
        with session(server, 4 * DEADLINE) as client:
            accepted(client.put(f"{number}.bin", data))
            agree("the content", received(client, f"{number}.bin"), data)
            accepted(client.command("quit"))

    with start() as server, concurrent.futures.ThreadPoolExecutor(100) as threads:
        list(threads.map(one, range(100)))


def a_large_sparse_file_goes_both_ways(start, large):
    expected = md5_of(large)
    with start() as server, session(server, DEADLINE_LARGE) as client:
        with large.open("rb") as file:
            agree("the hash", accepted(client.put("large", file))["file_hash"], expected)
        agree("the stored size", (server.root / "large").stat().st_size, large.stat().st_size)
        is_sparse("what is stored", server.root / "large")
        with open(os.devnull, "wb") as nowhere:
            reply = accepted(client.get("large", nowhere))
        agree("size and hash", (reply["size"], reply["file_hash"]), (large.stat().st_size, expected))
        accepted(client.command("rm large"))


def the_vectors_may_be_cut_anywhere(start):
    stream = LOGIN + PUT + frame({"cmd": "cd up"}) + frame({"cmd": "get a.txt", "filename": "a.txt", "dst_dir": "dl"}) + frame({"cmd": "quit"})

    def conversation(server, *parts):
        (server.root / "up" / "a.txt").unlink(missing_ok=True)
        with Client(server.address, DEADLINE) as client:
            in_parts(client.connection, *parts)
            replies = [accepted(client.read_reply()) for _ in range(4)]
            replies += [client.read_exactly(replies[3]["size"]), client.read_reply()]
            is_over(client)
        # What the disk has left changes between two conversations, and is no matter of where they are cut.
        return [{**reply, "free": None} if isinstance(reply, dict) else reply for reply in replies]

    with start() as server:
        whole = conversation(server, stream)
        agree("what is got", (whole[3]["dst_dir"], whole[3]["file_hash"], whole[4]), ("dl", ABC, b"abc"))
        for at in range(1, len(stream)):
            agree(f"cut at {at}", conversation(server, stream[:at], stream[at:]), whole)
        agree("byte by byte", conversation(server, *(stream[at : at + 1] for at in range(len(stream)))), whole)


def hostile_vectors_are_refused_and_disturb_nobody(start):
    with start() as server, undisturbed(server):
        for greeting in ([], [LOGIN]):
            for vector in (*HOSTILE, CUT, frame("text"), frame({"res": "ok"}), frame({"cmd": None}), frame({"cmd": "put x", "size": -1})):
                with Client(server.address, DEADLINE) as client:
                    for login in greeting:
                        client.send_raw(login)
                        accepted(client.read_reply())
                    only_refused(client, vector, no_more=vector == CUT)


def an_upload_that_hangs_up_leaves_nothing_under_its_name(start):
    with start() as server:
        with session(server) as client:
            accepted(client.put("old.bin", b"old"))
        with undisturbed(server):
            for name in ("half.bin", "old.bin"):
                with session(server) as client:
                    client.send_raw(frame({"cmd": "put", "filename": name, "dst_dir": ".", "size": 1_000_000}) + content(300_000))
        with session(server) as client:
            refused(client.command("stat half.bin"))
            agree("the old content", received(client, "old.bin"), b"old")
        agree("a file of that name", (server.root / "half.bin").exists(), False)


def a_header_in_pieces_is_put_together(start):
    with start() as server:
        agree("the peer", flaw("split-header", server), [f"{count} of 4 bytes: answered" for count in (1, 2, 3)])


def a_body_is_not_read_beyond_its_end(start):
    with start() as server:
        agree("the peer", flaw("over-read", server), ["1500 bytes written for 1500, and the request behind them is answered"])


def others_are_served_when_somebody_hangs_up(start):
    with start() as server:
        agree("the peer", flaw("hang-up", server), [f"hung up in a {place}: others are served" for place in ("length", "frame", "body")])


CHECKS = [
    a_right_login_is_accepted,
    a_wrong_login_is_refused_and_a_right_one_may_follow,
    three_wrong_logins_end_the_connection,
    everything_is_refused_before_the_login,
    a_long_upload_before_the_login_is_refused_and_disturbs_nobody,
    what_is_put_can_be_got,
    an_empty_file_goes_both_ways,
    names_in_unicode_are_the_same_escaped_and_raw,
    the_commands_do_what_they_say,
    each_session_has_its_own_login_and_folder,
    paths_that_lead_out_are_refused,
    a_header_of_3_mb_is_refused_and_disturbs_nobody,
    a_header_of_3_mb_is_accepted_where_it_is_allowed,
    a_hundred_connections_put_and_get_at_once,
    the_vectors_may_be_cut_anywhere,
    hostile_vectors_are_refused_and_disturb_nobody,
    an_upload_that_hangs_up_leaves_nothing_under_its_name,
    a_header_in_pieces_is_put_together,
    a_body_is_not_read_beyond_its_end,
    others_are_served_when_somebody_hangs_up,
]
