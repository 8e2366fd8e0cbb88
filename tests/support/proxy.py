# SPDX-License-Identifier: BSD-3-Clause
"""A TCP proxy that can be told to misbehave: to cut, to hold back, to swallow.

    with Proxy(gmand.address) as proxy:
        ... connect to proxy.address ...
        proxy.hold_answers()          # what the server says waits, and comes late
        proxy.cut()                   # both sides of each connection end, what was held is lost
        proxy.release()

`server` may be set to another address, for the connections that come then.
"""
import contextlib
import selectors
import socket
import threading

import wire


class Proxy:
    def __init__(self, server):
        self.server = server
        self._listener = None
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._pairs = []
        self._is_ending = False
        self._is_partitioned = False
        self._held = None  # a list while answers are held
        self.address = None

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_ending = True
        self._wake.send(b"x")
        self._thread.join(10)
        self.cut()
        self._listener.close()
        self._wake.close()
        self._woken.close()

    def cut(self):
        """Ends all connections."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
            if self._held is not None:
                self._held = []
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def partition(self):
        """Connections stay, new ones are accepted, and nothing passes in any direction."""
        with self._lock:
            self._is_partitioned = True

    def heal(self):
        """What was swallowed stays so: the connections of before end."""
        with self._lock:
            self._is_partitioned = False
        self.cut()

    def hold_answers(self):
        with self._lock:
            self._held = []

    def release(self):
        """What was held passes, late."""
        with self._lock:
            held, self._held = self._held or [], None
            for end, data in held:
                with contextlib.suppress(OSError):
                    end.sendall(data)

    def _run(self):
        while not self._is_ending:
            for key, _ in self._selector.select(1):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.data is not None:
                    self._pass(key.fileobj, *key.data)

    def _accept(self):
        client, _ = self._listener.accept()
        try:
            server = wire.connect(self.server)
        except OSError:
            client.close()
            return
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server.settimeout(None)
        with self._lock:
            self._pairs.append((client, server))
        self._selector.register(client, selectors.EVENT_READ, (server, False))
        self._selector.register(server, selectors.EVENT_READ, (client, True))

    def _pass(self, source, target, is_answer):
        try:
            data = source.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self._end(source, target)
            return
        with self._lock:
            if self._is_partitioned:
                return
            if is_answer and self._held is not None:
                self._held.append((target, data))
                return
            with contextlib.suppress(OSError):
                target.sendall(data)

    def _end(self, *ends):
        for end in ends:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(end)
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
