"""A name server of the world outside, and a resolver's client that is quick enough to ask a hundred thousand times.

    client = Client("10.86.0.1")              in the namespace that the thread is in
    client.ask("web", "A") -> ["10.86.0.2"]   [] for no such name; TimeoutError
"""

import ipaddress
import random
import socket
import struct
import threading
import time

TYPES = {"A": 1, "PTR": 12, "AAAA": 28}


class Client:
    def __init__(self, server, timeout=2.0):
        self.server = (server, 53)
        self.family = socket.AF_INET6 if ":" in server else socket.AF_INET
        self.timeout = timeout
        self.socket = socket.socket(self.family, socket.SOCK_DGRAM)
        self.socket.settimeout(timeout)
        self.socket.connect(self.server)

    def ask(self, name, kind="A", patience=0.0):
        """Asks again while nobody answers, for so many seconds."""
        query, deadline = _question(name, kind), time.monotonic() + patience
        while True:
            try:
                self.socket.send(query)
                reply = self.socket.recv(4096)
                while reply[:2] != query[:2]:  # of a question that was given up
                    reply = self.socket.recv(4096)
                return _answers(reply)
            except (TimeoutError, ConnectionError):
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.001)

    def ask_by_tcp(self, name, kind="A"):
        query = _question(name, kind)
        with socket.socket(self.family, socket.SOCK_STREAM) as stream:
            stream.settimeout(self.timeout)
            stream.connect(self.server)
            stream.sendall(struct.pack(">H", len(query)) + query)
            with stream.makefile("rb") as reader:
                return _answers(reader.read(struct.unpack(">H", reader.read(2))[0]))


def _question(name, kind):
    if kind == "PTR":
        name = ipaddress.ip_address(name).reverse_pointer
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split("."))
    return struct.pack(">6H", random.getrandbits(16), 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", TYPES[kind], 1)


def _name(message, place):
    """The name there, and where what follows it begins."""
    words, end = [], None
    while message[place]:
        if message[place] >= 0xc0:
            end = end or place + 2
            place = struct.unpack_from(">H", message, place)[0] & 0x3fff
        else:
            words.append(message[place + 1:place + 1 + message[place]].decode())
            place += 1 + message[place]
    return "".join(word + "." for word in words), end or place + 1


def _answers(message):
    _, flags, questions, count, _, _ = struct.unpack_from(">6H", message)
    if flags & 0xf not in (0, 3):
        raise AssertionError(f"the server answers with code {flags & 0xf}")
    place = 12
    for _ in range(questions):
        place = _name(message, place)[1] + 4
    answers = []
    for _ in range(count):
        place = _name(message, place)[1]
        kind, _, _, size = struct.unpack_from(">HHIH", message, place)
        place += 10
        data = message[place:place + size]
        if kind == TYPES["PTR"]:
            answers.append(_name(message, place)[0])
        elif kind in (TYPES["A"], TYPES["AAAA"]):
            answers.append(str(ipaddress.ip_address(data)))
        place += size
    return answers


class World:
    """A name server outside: knows world.test (1.2.3.4) and big.test (too much for a datagram), and nothing else."""

    def __init__(self, machine):
        with machine.entered():
            self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.datagrams.bind(("", 53))
            self.streams = socket.create_server(("", 53))
        self.asked = []
        threading.Thread(target=self._datagrams, daemon=True).start()
        threading.Thread(target=self._streams, daemon=True).start()

    def _answer(self, query, is_stream):
        end = query.index(0, 12) + 5
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += query[at] + 1
        name, question = ".".join(labels), query[12:end]
        self.asked.append(name)
        count = {"world.test": 1, "big.test": 60}.get(name, 0)
        is_cut = count > 1 and not is_stream
        records = b"" if is_cut else b"".join(struct.pack("!HHHIH4B", 0xC00C, 1, 1, 5, 4, 1, 2, 3, 4 + i) for i in range(count))
        flags = 0x8180 | (0x0200 if is_cut else 0) | (0 if count else 3)
        return query[:2] + struct.pack("!5H", flags, 1, 0 if is_cut else count, 0, 0) + question + records

    def _datagrams(self):
        while True:
            query, client = self.datagrams.recvfrom(4096)
            self.datagrams.sendto(self._answer(query, False), client)

    def _streams(self):
        while True:
            client = self.streams.accept()[0]
            size = struct.unpack("!H", client.recv(2))[0]
            answer = self._answer(client.recv(size), True)
            client.sendall(struct.pack("!H", len(answer)) + answer)
            client.close()
