# SPDX-License-Identifier: BSD-3-Clause
"""Waiting for what has no event, such as the end of somebody else's process."""
import time


def wait_until(condition, what, seconds=20):
    """Asks every few milliseconds; `what` says in the failure what did not come to pass."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"not after {seconds} s: {what}")
        time.sleep(0.005)
