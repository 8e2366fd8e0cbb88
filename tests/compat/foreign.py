# SPDX-License-Identifier: BSD-3-Clause
"""Other people's Gearman clients and workers, as Debian ships them, and ours beside them.

Each client is asked in the same words: ask("php", address, "do", function, workload). A client that
is not installed is an error, never a skipped test: tools/dev deps installs them all.
"""
import pathlib
import signal
import subprocess

from gman_command import BINARY

PEERS = pathlib.Path(__file__).resolve().parent / "peers"
SECONDS = 30
REVERSE = ["perl", "-0777", "-ne", "print scalar reverse"]

_TOOL_OPTIONS = {"do": [], "high": ["-I"], "low": ["-L"], "bg": ["-b"], "high_bg": ["-b", "-I"],
                 "low_bg": ["-b", "-L"]}
_GMAN_OPTIONS = {"do": ["do"], "high": ["do", "--high"], "low": ["do", "--low"], "bg": ["bg"],
                 "high_bg": ["bg", "--high"], "low_bg": ["bg", "--low"]}
CLIENTS = ("gearman", "php", "perl", "gman")


def command(kind, address, action, name, workload, unique=None):
    """The words by which a client of that kind is told to ask."""
    if kind in ("php", "perl"):
        script = PEERS / ("client.php" if kind == "php" else "client.pl")
        words = [kind, script, address, action, name, workload]
        return [str(word) for word in words + ([] if unique is None else [unique])]
    if kind == "gearman":
        host, _, port = address.rpartition(":")
        options = _TOOL_OPTIONS[action] + ([] if unique is None else ["-u", unique])
        words = [] if workload == "-" else [workload]
        return ["gearman", "-h", host, "-p", port, "-f", name, *options, *words]
    options = ["-u", unique] if unique is not None else []
    return [str(BINARY), *_GMAN_OPTIONS[action], "-s", address, *options, name, "--", workload]


def ask(kind, address, action, name, workload="", unique=None, stdin=b""):
    """Runs a client to its end."""
    return subprocess.run(command(kind, address, action, name, workload, unique), input=stdin,
                          capture_output=True, timeout=SECONDS, check=False)


def start(kind, address, action, name, workload="", unique=None):
    """A client that goes on beside the test."""
    return subprocess.Popen(command(kind, address, action, name, workload, unique),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)


class ForeignWorker:
    """A worker of that kind, until the `with` block ends. Its functions' names begin with
    `prefix`; all kinds know `reverse`, php and perl also slow, talk, fail and raise."""

    def __init__(self, kind, address, prefix):
        host, _, port = address.partition(",")[0].rpartition(":")
        self._command = {
            "php": ["php", str(PEERS / "worker.php"), address, prefix],
            "perl": ["perl", str(PEERS / "worker.pl"), address, prefix],
            "gearman": ["gearman", "-w", "-h", host, "-p", port, "-f", prefix + "reverse", "--",
                        *REVERSE],
            "gman": [str(BINARY), "worker", "-q", "-s", address, prefix + "reverse", "--",
                     *REVERSE],
        }[kind]
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        return self

    def __exit__(self, kind, *_):
        ended = self.process.poll()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(SECONDS)
        if ended is not None and kind is None:
            raise AssertionError(f"{self._command[:2]} ended by itself, with {ended}")


def wait_workers(gmand, *functions):
    """Until each of the functions has a worker."""
    def all_there(status):
        rows = {row[0]: row for row in (line.split("\t") for line in status.split("\n"))}
        return all(rows.get(name, [0, 0, 0, "0"])[3] != "0" for name in functions)
    gmand.wait_admin("status", all_there, seconds=SECONDS)
