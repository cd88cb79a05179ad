"""Speaks compressed IMAP with zlib, once with each kind of flush.

compress.py imaps certificate: the port, and whom to trust.
"""
import socket, ssl, sys, zlib

port, trust = int(sys.argv[1]), ssl.create_default_context(cafile=sys.argv[2])


class Client:
    def __init__(self):
        s = socket.create_connection(("localhost", port), timeout=20)
        self.s = trust.wrap_socket(s, server_hostname="localhost")
        self.have, self.packed, self.out = b"", None, None

    def compress(self, flush, level):
        self.flush = flush
        self.out = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
        self.packed = zlib.decompressobj(-zlib.MAX_WBITS)

    def send(self, data):
        if self.out:
            data = self.out.compress(data) + self.out.flush(self.flush)
            if self.flush == zlib.Z_FINISH:
                self.out = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        self.s.sendall(data)

    def until(self, start):
        lines = []
        while True:
            while b"\r\n" not in self.have:
                data = self.s.recv(65536)
                assert data, lines
                self.have += self.packed.decompress(data) if self.packed else data
            line, self.have = self.have.split(b"\r\n", 1)
            lines.append(line)
            if line.startswith(start):
                return lines


for name, flush in [("partial", zlib.Z_PARTIAL_FLUSH), ("sync", zlib.Z_SYNC_FLUSH), ("full", zlib.Z_FULL_FLUSH), ("finish", zlib.Z_FINISH)]:
    for level in (1, 6, 9):
        c = Client()
        c.until(b"* OK ")
        c.send(b"a LOGIN demo demo\r\n")
        c.until(b"a OK ")
        c.send(b"b COMPRESS DEFLATE\r\n")
        c.until(b"b OK ")
        c.compress(flush, level)
        c.send(b"c EXAMINE INBOX\r\n")
        c.until(b"c OK ")
        for i in range(20):  # each answer is waited for: nothing may be held back
            c.send(b"d%d UID FETCH 1:* (FLAGS UID ENVELOPE)\r\n" % i)
            c.until(b"d%d OK " % i)
        c.send(b"e IDLE\r\n")
        c.until(b"+ ")
        c.send(b"DONE\r\n")
        c.until(b"e OK ")
        c.send(b"f LOGOUT\r\n")
        c.until(b"f OK ")
        assert c.s.recv(1) == b"", name
print("done")
