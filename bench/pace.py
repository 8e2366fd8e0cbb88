# SPDX-License-Identifier: BSD-3-Clause
"""Background jobs at a steady rate, from a thread of this process.

    with Pace(server.tcp, "gman_bench_durable", 10_000) as pace:
        before = pace.acknowledged
        ...                                  # what is measured beside them

Every millisecond it submits what has become due since the last time and reads what has been
answered. Who is late, because others had the processor, catches up; who is so late that the answers
are missing, does not hold the rate, which `acknowledged` tells.
"""

import contextlib
import socket
import struct
import threading
import time

PERIOD_SECONDS = 0.001
WORKLOAD = b"x" * 64
HEADER_BYTES = 12
SUBMIT_JOB_BG, JOB_CREATED = 18, 8


class Pace:
    def __init__(self, address, function, rate):
        host, port = address.split(":")
        self._peer = socket.create_connection((host, int(port)))
        self._peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        body = function.encode() + b"\0\0" + WORKLOAD
        self._packet = b"\0REQ" + struct.pack(">II", SUBMIT_JOB_BG, len(body)) + body
        self._rate = rate
        self._unread = b""
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.acknowledged = 0
        self.refusal = None

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join()
        self._peer.close()

    def _run(self):
        began, sent = time.monotonic(), 0
        while not self._is_over.wait(PERIOD_SECONDS) and self.refusal is None:
            due = int((time.monotonic() - began) * self._rate)
            self._peer.sendall(self._packet * (due - sent))
            sent = due
            self._read()

    def _read(self):
        with contextlib.suppress(BlockingIOError):
            self._unread += self._peer.recv(1 << 20, socket.MSG_DONTWAIT)
        at = 0
        while at + HEADER_BYTES <= len(self._unread):
            kind, length = struct.unpack_from(">II", self._unread, at + 4)
            if at + HEADER_BYTES + length > len(self._unread):
                break
            at += HEADER_BYTES + length
            if kind != JOB_CREATED:
                self.refusal = self._unread[at - length:at]
                break
            self.acknowledged += 1
        self._unread = self._unread[at:]
