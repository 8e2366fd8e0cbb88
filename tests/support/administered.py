# SPDX-License-Identifier: BSD-3-Clause
"""What can be asked of any job server by its admin protocol: gmand and gearmand alike."""
import re
import time

from wire import Peer

_LISTS = {"status", "prioritystatus", "workers", "show jobs", "show unique jobs"}


class Administered:
    """A server that listens at `unix_socket`, or else at `address`."""

    address = None
    unix_socket = None

    def admin(self, line, over=None):
        """The whole answer to one admin line."""
        with Peer(over or self.unix_socket or self.address) as peer:
            peer.send_bytes(line.encode() + b"\n")
            answer = peer.receive_line()
            if re.sub(" +", " ", line.lower()).rstrip() in _LISTS:
                last = answer
                while last != b".\n":
                    last = peer.receive_line()
                    answer += last
        return answer.decode()

    def wait_admin(self, line, predicate, seconds=10):
        """The first answer that satisfies `predicate`. There is no event for what another
        connection does, so this asks again every few milliseconds."""
        until = time.monotonic() + seconds
        while True:
            answer = self.admin(line)
            if predicate(answer):
                return answer
            if time.monotonic() > until:
                raise AssertionError(f"{line!r} still answers {answer!r}")
            time.sleep(0.005)
