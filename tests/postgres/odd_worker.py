# SPDX-License-Identifier: BSD-3-Clause
"""The worker behind the SQL tests: one thread that does a function for each way a job can go.

    reverse   the workload backwards, character by character
    note      remembers workloads, whoever sent them, and tells and forgets them when asked with
              "?": one worker takes the jobs of one function in the order in which they were queued
    parts     answers in three pieces      warn      warns twice, then completes
    fail      WORK_FAIL                    throw     WORK_EXCEPTION
    nothing   an empty result              bytes     the bytes that the workload tells in hex
    size      how many bytes the workload has

The function `never` is queued at no worker.
"""
import threading

from wire import (CAN_DO, WORK_COMPLETE, WORK_DATA, WORK_EXCEPTION, WORK_FAIL, WORK_WARNING, Closed,
                  Peer)


class OddWorker:
    def __init__(self, address):
        self._peer = Peer(address)
        self._noted = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        for name in ("reverse", "note", "parts", "warn", "fail", "throw", "nothing", "bytes",
                     "size"):
            self._peer.send(CAN_DO, name)
        self._peer.echo()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._peer.socket.shutdown(2)
        self._thread.join(30)
        self._peer.close()

    def _run(self):
        try:
            while True:
                handle, function, workload = self._peer.grab(seconds=3600)
                getattr(self, "_" + function.decode())(handle, workload)
        except (Closed, OSError):
            pass  # the block has ended, or the test has ended the server

    def _complete(self, handle, result):
        self._peer.send(WORK_COMPLETE, handle, result)

    def _reverse(self, handle, workload):
        self._complete(handle, workload.decode()[::-1].encode())

    def _note(self, handle, workload):
        if workload != b"?":
            self._noted.append(workload)
            self._complete(handle, b"")
        else:
            self._complete(handle, b"\n".join(self._noted))
            self._noted.clear()

    def _parts(self, handle, workload):
        self._peer.send(WORK_DATA, handle, b"one " + workload)
        self._peer.send(WORK_DATA, handle, b", two")
        self._complete(handle, b", three")

    def _warn(self, handle, workload):
        self._peer.send(WORK_WARNING, handle, b"disk almost full")
        self._peer.send(WORK_WARNING, handle, b"bad byte \xff")
        self._complete(handle, workload)

    def _fail(self, handle, _):
        self._peer.send(WORK_FAIL, handle)

    def _throw(self, handle, workload):
        self._peer.send(WORK_EXCEPTION, handle, b"no such page: " + workload)

    def _nothing(self, handle, _):
        self._complete(handle, b"")

    def _bytes(self, handle, workload):
        self._complete(handle, bytes.fromhex(workload.decode()))

    def _size(self, handle, workload):
        self._complete(handle, str(len(workload)).encode())
