"""A chatter for datagrams as tutorials write it: a menu, one thing at a time, and reads of 1,024 bytes.

Usage: menu_chatter.py [PORT]
"""

import socket
import sys


def send(chatter):
    ip = input()
    port = int(input())
    chatter.sendto(input().encode("utf-8"), (ip, port))


def receive(chatter):
    data, (ip, port) = chatter.recvfrom(1024)
    print(f"{ip}:{port} says {data.decode('utf-8')}", flush=True)


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 7890
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as chatter:
        chatter.settimeout(20)
        chatter.bind(("127.0.0.1", port))
        print("listening", "%s:%d" % chatter.getsockname(), flush=True)
        # 1 sends, 2 receives, and nothing more is the end.
        for line in iter(sys.stdin.readline, ""):
            match line.strip():
                case "1":
                    send(chatter)
                case "2":
                    receive(chatter)
                case _:
                    print("bad choice", flush=True)


main()
