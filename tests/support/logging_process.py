# SPDX-License-Identifier: BSD-3-Clause
"""What a process says on its standard error, for tests that wait for something in it."""
import threading
import time

PATIENCE_SECONDS = 30


class LoggingProcess:
    """A subclass starts `self.process` with a pipe for its errors, and then reads them."""

    def __init__(self):
        self._log = []
        self._log_changed = threading.Condition()
        self._log_has_ended = False
        self._reader = None
        self.process = None

    pid = property(lambda self: self.process.pid)

    def read_log(self):
        self._reader = threading.Thread(target=self._copy_log, daemon=True)
        self._reader.start()

    def _copy_log(self):
        with self.process.stderr as stream:
            for line in stream:
                with self._log_changed:
                    self._log.append(line.decode(errors="replace"))
                    self._log_changed.notify_all()
        with self._log_changed:
            self._log_has_ended = True
            self._log_changed.notify_all()

    def log(self):
        with self._log_changed:
            return "".join(self._log)

    def wait_log(self, text, count=1, seconds=PATIENCE_SECONDS):
        """The lines with `text`, once there are `count` of them."""
        until = time.monotonic() + seconds
        with self._log_changed:
            while True:
                found = [line for line in self._log if text in line]
                if len(found) >= count:
                    return found
                left = until - time.monotonic()
                if self._log_has_ended or left <= 0:
                    raise AssertionError(f"not logged: {text!r}\n" + "".join(self._log))
                self._log_changed.wait(left)

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=PATIENCE_SECONDS):
        """The exit status. Its log is complete then."""
        status = self.process.wait(seconds)
        self._reader.join(PATIENCE_SECONDS)
        return status

    def kill(self):
        self.process.kill()
        self.wait()
