"""A proxy on loopback, through which a test's registry has any name it likes."""

import socket
import socketserver
import threading


class Proxy:
    """HTTP (CONNECT and absolute URLs) and SOCKS 5 on one port; every name is `target`. A context manager."""

    def __init__(self, target):
        self.asked = []  # ("CONNECT" | "GET" | "SOCKS", host:port, value of Proxy-Authorization)
        outer, host = self, target.rpartition(":")

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                first = self.rfile.peek(1)[:1]
                if first == b"\x05":
                    return self.socks()
                words = self.rfile.readline().split()
                headers, password = b"", None
                while (line := self.rfile.readline()) not in (b"\r\n", b""):
                    if line.lower().startswith(b"proxy-authorization:"):
                        password = line.partition(b":")[2].strip().decode()
                    else:
                        headers += line
                if words[0] == b"CONNECT":
                    outer.asked.append(("CONNECT", words[1].decode(), password))
                    self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                    return self.relay()
                authority, _, path = words[1].removeprefix(b"http://").partition(b"/")
                outer.asked.append((words[0].decode(), authority.decode(), password))
                # one request for each connection: the next one has headers of its own to take out
                self.relay(words[0] + b" /" + path + b" HTTP/1.1\r\n" + headers + b"Connection: close\r\n\r\n")

            def socks(self):
                count = self.rfile.read(2)[1]
                self.rfile.read(count)
                self.wfile.write(b"\x05\x00")
                kind = self.rfile.read(4)[3]
                name = self.rfile.read(self.rfile.read(1)[0]).decode() if kind == 3 else socket.inet_ntoa(self.rfile.read(4))
                port = int.from_bytes(self.rfile.read(2), "big")
                outer.asked.append(("SOCKS", f"{name}:{port}", None))
                self.wfile.write(b"\x05\x00\x00\x01\0\0\0\0\0\0")
                self.relay()

            def relay(self, first=b""):
                with socket.create_connection((host[0], int(host[2])), timeout=10) as server:
                    server.sendall(first)

                    def back():
                        try:
                            while data := server.recv(65536):
                                self.connection.sendall(data)
                            self.connection.shutdown(socket.SHUT_WR)
                        except OSError:
                            pass

                    thread = threading.Thread(target=back)
                    thread.start()
                    try:
                        while data := self.rfile.read1(65536):
                            server.sendall(data)
                        server.shutdown(socket.SHUT_WR)
                    except OSError:
                        pass
                    thread.join()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *_):
                pass  # the client went away

        self._server = Server(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
