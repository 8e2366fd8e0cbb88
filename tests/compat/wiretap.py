# SPDX-License-Identifier: BSD-3-Clause
"""A listener between other people's programs and a job server that notes which packets they send.

It passes bytes on as they come and looks only at the headers of what goes to the server.

    with Wiretap(gmand.address) as tap:
        ask("php", tap.address, "do", …)
    tap.types                                # {7: 1, …}: how many packets of each type
"""
import collections
import socket
import struct
import threading

import wire


class Wiretap:
    def __init__(self, address):
        self._server = address
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._listener]
        self._threads = []
        self.address = "127.0.0.1:{}".format(self._listener.getsockname()[1])
        self.port = self._listener.getsockname()[1]
        self.types = collections.Counter()

    def __enter__(self):
        self._start(self._accept)
        return self

    def __exit__(self, *_):
        for sock in list(self._sockets):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in list(self._threads):
            thread.join(30)
        for sock in self._sockets:
            sock.close()

    def _start(self, run, *args):
        thread = threading.Thread(target=run, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            server = wire.connect(self._server)
            for sock in (peer, server):
                sock.settimeout(None)
                self._sockets.append(sock)
            self._start(self._pass_on, peer, server, True)
            self._start(self._pass_on, server, peer, False)

    def _pass_on(self, source, target, is_noted):
        waiting = bytearray()
        try:
            while data := source.recv(1 << 16):
                if is_noted:
                    waiting += data
                    self._note(waiting)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _note(self, waiting):
        """Takes the whole packets out of the bytes. Admin lines are not looked for."""
        while len(waiting) >= 12:
            magic, kind, size = struct.unpack_from(">4sII", waiting)
            if magic != wire.REQ:
                raise AssertionError(f"no packet: {bytes(waiting[:40])!r}")
            if len(waiting) < 12 + size:
                return
            self.types[kind] += 1
            del waiting[:12 + size]
