# SPDX-License-Identifier: BSD-3-Clause
"""gmand as a service: what systemd, a terminal, root and syslog see of it."""
import contextlib
import fcntl
import os
import pathlib
import pwd
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from gmand import BINARY, ROOT, Gmand
from wire import *  # pylint: disable=wildcard-import,unused-wildcard-import

PACKAGING = ROOT / "packaging"


def run(*args, **more):
    """A gmand that is expected to end by itself."""
    return subprocess.run([BINARY, *map(str, args)], capture_output=True, text=True, timeout=30,
                          check=False, **more)


class DirectoryTestCase(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="gman-service-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def datagrams(self, name):
        """A bound socket that datagrams are sent to, and its path."""
        path = str(self.directory / name)
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(bound.close)
        bound.bind(path)
        bound.settimeout(10)
        return bound, path


# Takes sockets at high numbers, moves them to where systemd puts them, and becomes gmand.
LAUNCHER = """
import os, sys
numbers = [int(number) for number in sys.argv[1].split(",") if number]
for place, number in enumerate(numbers, 3):
    os.dup2(number, place, inheritable=True)
os.closerange(3 + len(numbers), 256)
os.environ.setdefault("LISTEN_PID", str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


class Systemd(DirectoryTestCase):
    def start(self, listeners, *args, count=None, pid=None):
        """gmand with these sockets from descriptor 3 on, as systemd starts it."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GEARMAN")}
        environment["LISTEN_FDS"] = str(len(listeners) if count is None else count)
        if pid is not None:
            environment["LISTEN_PID"] = pid
        numbers = [fcntl.fcntl(each.fileno(), fcntl.F_DUPFD_CLOEXEC, 64) for each in listeners]
        process = subprocess.Popen(  # pylint: disable=consider-using-with
            [sys.executable, "-c", LAUNCHER, ",".join(map(str, numbers)), BINARY, *args],
            env=environment, pass_fds=numbers, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True)
        for number in numbers:
            os.close(number)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=30)

    def listeners(self):
        tcp = socket.create_server(("127.0.0.1", 0))
        path = str(self.directory / "passed.sock")
        unix = socket.socket(socket.AF_UNIX)
        unix.bind(path)
        unix.listen()
        for each in (tcp, unix):
            self.addCleanup(each.close)
        return tcp, unix, f"127.0.0.1:{tcp.getsockname()[1]}", path

    def wait_line(self, process, text):
        until = time.monotonic() + 20
        for line in process.stderr:
            if text in line:
                return line
            self.assertLess(time.monotonic(), until)
        raise AssertionError(f"no {text!r} in its log")

    def test_it_serves_on_the_sockets_that_it_was_passed_and_on_no_others(self):
        tcp, unix, address, path = self.listeners()
        # Who knocks before it starts is let in.
        early = self.enterContext(Peer(address))
        early.send(ECHO_REQ, b"early")
        process = self.start((tcp, unix))
        self.assertIn(f'listen="{address} unix:{path}"', self.wait_line(process, "started"))
        self.assertEqual(early.receive(), (ECHO_RES, [b"early"]))
        with Peer(path) as operator:
            operator.echo()
            operator.send_bytes(b"shutdown\n")
            self.assertEqual(operator.receive_line(), b"OK\r\n")
        self.assertEqual(process.wait(30), 0)
        # The sockets are systemd's: the file stays, and who knocks meanwhile waits.
        self.assertTrue(os.path.exists(path))
        late = self.enterContext(Peer(address))
        late.send(ECHO_REQ, b"late")
        self.start((tcp, unix))
        self.assertEqual(late.receive(), (ECHO_RES, [b"late"]))

    def test_addresses_that_are_asked_for_come_beside_the_passed_ones(self):
        tcp, unix, address, path = self.listeners()
        process = self.start((tcp, unix), "-p", "0", "-L", "127.0.0.2", "--unix-socket", path)
        line = self.wait_line(process, "started")
        self.assertRegex(line, rf'listen="{address} unix:{path} 127\.0\.0\.2:\d+"')

    def test_sockets_that_were_passed_to_another_process_are_not_taken(self):
        tcp, unix, address, _ = self.listeners()
        process = self.start((tcp, unix), "-p", "0", "-L", "127.0.0.1", pid="1")
        self.assertNotIn(address, self.wait_line(process, "started"))

    def test_what_is_passed_and_cannot_be_served_on_is_one_line_and_status_2(self):
        datagram, _ = self.datagrams("datagram")
        silent = socket.socket()
        self.addCleanup(silent.close)
        not_listening = "descriptor 3: it is no TCP or Unix socket that listens"
        for listeners, count, text in (((datagram,), None, not_listening),
                                       ((silent,), None, not_listening),
                                       ((), "1", "LISTEN_FDS: descriptor 3 is not open"),
                                       ((), "1025", "LISTEN_FDS: '1025' is not a number"),
                                       ((), "-1", "LISTEN_FDS: '-1' is not a number"),
                                       ((), "x", "LISTEN_FDS: 'x' is not a number")):
            process = self.start(listeners, "-p", "0", count=count)
            _, errors = process.communicate(timeout=30)
            self.assertEqual(process.returncode, 2, errors)
            self.assertIn(text, errors)
            self.assertEqual(errors.count("\n"), 1)

    def test_systemd_is_told_when_it_is_ready_reads_its_configuration_again_and_stops(self):
        told, path = self.datagrams("notify")
        with Gmand(env={"NOTIFY_SOCKET": path}) as gmand:
            lines = told.recv(4096).decode().split("\n")
            self.assertEqual(lines[0], "READY=1")
            self.assertIn(f"STATUS=Serving on {' '.join(gmand.addresses)}", lines)
            self.assertIn(f"MAINPID={gmand.pid}", lines)
            before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            gmand.signal(signal.SIGHUP)
            found = re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", told.recv(4096).decode())
            self.assertGreaterEqual(int(found[1]), before)
            self.assertLess(int(found[1]), before + 30_000_000)
            self.assertTrue(told.recv(4096).startswith(b"READY=1\n"))
            client = self.enterContext(Peer(gmand.address))
            worker = self.enterContext(Peer(gmand.address))
            worker.send(CAN_DO, "job")
            client.submit("job")
            worker.grab()
            gmand.signal(signal.SIGTERM)
            self.assertEqual(told.recv(4096), b"STOPPING=1\nSTATUS=Draining: 1 jobs run")

    def test_an_abstract_notify_socket_is_told_as_well(self):
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(told.close)
        name = f"gman-test-{os.getpid()}"
        told.bind(b"\0" + name.encode())
        told.settimeout(10)
        with Gmand(env={"NOTIFY_SOCKET": "@" + name}):
            self.assertTrue(told.recv(4096).startswith(b"READY=1\n"))

    def test_the_watchdog_hears_of_it_twice_as_often_as_it_must(self):
        told, path = self.datagrams("notify")
        with Gmand(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"}):
            self.assertTrue(told.recv(4096).startswith(b"READY=1\n"))
            times = []
            for _ in range(4):
                self.assertEqual(told.recv(4096), b"WATCHDOG=1")
                times.append(time.monotonic())
            self.assertGreaterEqual(times[3] - times[0], 0.25)

    def test_a_manager_that_is_gone_does_not_keep_it_from_serving(self):
        with Gmand(env={"NOTIFY_SOCKET": str(self.directory / "nobody")}) as gmand:
            with Peer(gmand.address) as peer:
                peer.echo()

    def test_the_shipped_units_are_what_systemd_accepts(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("there is no systemd-analyze")
        for unit in (PACKAGING / "systemd").iterdir():
            text = unit.read_text("utf-8").replace("/usr/bin/gmand", str(BINARY))
            (self.directory / unit.name).write_text(text, "utf-8")
        verified = subprocess.run(
            ["systemd-analyze", "verify", *map(str, self.directory.glob("gmand.*"))],
            capture_output=True, text=True, timeout=60, check=False)
        ours = [line for line in verified.stderr.splitlines() if "gmand" in line]
        self.assertEqual((verified.returncode, ours), (0, []), verified.stderr)


class Daemon(DirectoryTestCase):
    def test_it_goes_on_in_the_background_once_clients_can_connect(self):
        sock, pid_file, log = (self.directory / name for name in ("sock", "pid", "log"))
        started = run("-d", "-p", "0", "--unix-socket", sock, "-P", pid_file, "-l", log)
        self.assertEqual((started.returncode, started.stdout, started.stderr), (0, "", ""))
        pid = int(pid_file.read_text("ascii"))
        gone = os.pidfd_open(pid)
        self.addCleanup(os.close, gone)
        try:
            with Peer(str(sock)) as peer:
                peer.echo()
            self.assertNotEqual(os.getsid(pid), os.getsid(0))
            self.assertEqual({os.readlink(f"/proc/{pid}/fd/{fd}") for fd in range(3)},
                             {"/dev/null"})
            # A second one that would have the same pid file is told who has it.
            second = run("-d", "-p", "0", "-P", pid_file, "-l", log)
            self.assertEqual(second.returncode, 2)
            self.assertEqual(second.stderr, f"gmand: --pid-file: {pid_file}: a running server has "
                                            f"it, process {pid}\n")
            self.assertEqual(int(pid_file.read_text("ascii")), pid)
        finally:
            os.kill(pid, signal.SIGTERM)
            ended, _, _ = select.select([gone], [], [], 30)
        self.assertTrue(ended)
        self.assertFalse(pid_file.exists())
        self.assertIn("stopped", log.read_text("utf-8"))

    def test_what_keeps_it_from_starting_is_said_as_without_daemon(self):
        started = run("-d", "-p", "0", "-l", "/no/such/directory/log")
        self.assertEqual(started.returncode, 2)
        self.assertIn("cannot open the log file /no/such/directory/log", started.stderr)


class PidFiles(DirectoryTestCase):
    def test_the_file_of_a_killed_server_is_in_nobodys_way(self):
        path = self.directory / "pid"
        with Gmand("--pid-file", path) as gmand:
            self.assertEqual(path.read_text("ascii"), f"{gmand.pid}\n")
            gmand.kill()
        with Gmand("--pid-file", path) as gmand:
            self.assertEqual(path.read_text("ascii"), f"{gmand.pid}\n")
            self.assertEqual(gmand.stop(), 0)
            self.assertFalse(path.exists())

    def test_a_file_that_cannot_be_written_is_one_line_and_status_2(self):
        ended = run("-p", "0", "--pid-file", "/no/such/directory/pid")
        self.assertEqual((ended.returncode, ended.stderr),
                         (2, "gmand: --pid-file: /no/such/directory/pid: "
                             "No such file or directory\n"))


def ids_of(pid):
    """The Uid, Gid and Groups lines of a process."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
    return [fields[name].split() for name in ("Uid", "Gid", "Groups")]


class Users(DirectoryTestCase):
    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_root_becomes_the_user_for_good_and_gives_it_what_it_needs(self):
        nobody = pwd.getpwnam("nobody")
        os.chmod(self.directory, 0o755)
        log = self.directory / "log"
        with Gmand("-u", "nobody", "-l", log, "-P", self.directory / "pid",
                   log_file=log) as gmand:
            uids, gids, groups = ids_of(gmand.pid)
            self.assertEqual(set(uids), {str(nobody.pw_uid)})
            self.assertEqual(set(gids), {str(nobody.pw_gid)})
            self.assertEqual(groups, [])
            for path in (gmand.unix_socket, log):
                self.assertEqual(os.stat(path).st_uid, nobody.pw_uid)
            gmand.signal(signal.SIGHUP)
            gmand.wait_admin("version", lambda _: "log file opened again" in log.read_text("utf-8"))
            self.assertEqual(gmand.stop(), 0)
            # Its directory is root's, so the file can only be emptied.
            self.assertEqual((self.directory / "pid").read_text("ascii"), "")

    @unittest.skipUnless(os.geteuid() == 0, "needs another user's process")
    def test_nobody_but_root_becomes_somebody_else(self):
        nobody = pwd.getpwnam("nobody")
        try:
            ended = run("-p", "0", "-u", "root", user=nobody.pw_uid, group=nobody.pw_gid,
                        extra_groups=[])
        except PermissionError:
            self.skipTest("nobody cannot reach the build")
        self.assertEqual((ended.returncode, ended.stderr),
                         (2, "gmand: --user: only root can become 'root'\n"))

    def test_a_user_that_there_is_not_is_one_line_and_status_2(self):
        for more in ((), ("--check-config",)):
            ended = run("-p", "0", "-u", "no-such-user", *more)
            self.assertEqual(ended.returncode, 2)
            self.assertIn("gmand: --user: there is no user 'no-such-user'", ended.stderr)


class Resources(unittest.TestCase):
    @staticmethod
    def limit(gmand, name):
        with open(f"/proc/{gmand.pid}/limits", encoding="ascii") as file:
            line = next(line for line in file if line.startswith(name))
        return line[len("Max open files            "):].split()[:2]

    def test_it_takes_as_many_descriptors_as_it_is_told_or_all_that_it_may(self):
        with Gmand("-f", "100", fds_max=200) as gmand:
            self.assertEqual(self.limit(gmand, "Max open files"), ["100", "200"])
            self.assertIn(" file_descriptors=100 ", gmand.wait_log("started"))
        with Gmand(fds_max=200) as gmand:
            self.assertEqual(self.limit(gmand, "Max open files"), ["200", "200"])

    def test_a_core_file_is_allowed_when_asked_for(self):
        with Gmand("--coredump", prefix=("sh", "-c", 'ulimit -S -c 0; exec "$@"', "sh")) as gmand:
            soft, hard = self.limit(gmand, "Max core file size")
            self.assertEqual(soft, hard)


class SyslogLines(DirectoryTestCase):
    def test_lines_go_there_with_the_priority_of_their_level(self):
        syslog, path = self.datagrams("log")
        with Gmand("--syslog", "--syslog-socket", path, "-l", "stderr", "-t", "4",
                   "--verbose", "DEBUG") as gmand:
            head = rf"[A-Z][a-z]{{2}} [ \d]\d \d\d:\d\d:\d\d gmand\[{gmand.pid}\]: "
            self.assertRegex(syslog.recv(9000).decode(), rf"^<30>{head}started version=")
            with Peer(gmand.address) as peer:
                peer.send_bytes(b"\0nonsense")
                peer.receive_until_closed()
            lines = []
            while not lines or "connection closed" not in lines[-1]:
                lines.append(syslog.recv(9000).decode())
            self.assertRegex(lines[-1], rf"^<28>{head}connection closed .*reason=protocol_error$")
            self.assertTrue(any(re.match(rf"<31>{head}connection accepted", line)
                                for line in lines))
            # The log file that was named too has the same.
            gmand.wait_log("reason=protocol_error")

    def test_a_syslog_that_does_not_read_stops_nothing_and_one_that_comes_back_hears_the_loss(self):
        syslog, path = self.datagrams("log")
        with Gmand("--syslog", "--syslog-socket", path, "-l", "stderr") as gmand:
            for _ in range(400):
                with Peer(gmand.address) as peer:
                    peer.send_bytes(b"\0nonsense")
                    peer.receive_until_closed()
            received = []
            syslog.settimeout(0.3)
            with contextlib.suppress(TimeoutError):
                while True:
                    received.append(syslog.recv(9000).decode())
            self.assertLess(len(received), 400)
            syslog.close()
            os.unlink(path)
            again, _ = self.datagrams("log")
            with Peer(gmand.address) as peer:
                peer.send_bytes(b"\0nonsense")
                peer.receive_until_closed()
            self.assertRegex(again.recv(9000).decode(), r"^<28>.*log lines were lost count=\d+$")
            self.assertIn("connection closed", again.recv(9000).decode())

    def test_no_syslog_is_said_and_the_server_serves(self):
        missing = self.directory / "none"
        with Gmand("--syslog", "--syslog-socket", missing, "-l", "stderr") as gmand:
            self.assertIn(f"gmand: no syslog at {missing}: No such file", gmand.log())
            with Peer(gmand.address) as peer:
                peer.echo()


class Packaging(unittest.TestCase):
    """packaging/gmand.toml, whose every option is commented."""

    def options(self):
        """The effective configuration's keys, which are all options."""
        printed = run("--check-config").stdout
        return re.findall(r"^(?:# )?([a-z0-9-]+) (?:=|is not set)", printed, re.MULTILINE)

    def test_the_shipped_file_names_every_option_once(self):
        text = (PACKAGING / "gmand.toml").read_text("utf-8")
        named = re.findall(r"^# ([a-z0-9-]+) = ", text, re.MULTILINE)
        self.assertEqual(sorted(named), sorted(self.options()))
        self.assertGreater(len(named), 35)

    def test_it_is_accepted_as_it_is_and_with_all_options_uncommented(self):
        path = PACKAGING / "gmand.toml"
        self.assertEqual(run("--check-config", "--config-file", path).stdout,
                         run("--check-config").stdout)
        # Two ways to name one place, of which one is enough.
        for left_out in ("store", "queue-type"):
            with tempfile.NamedTemporaryFile("w", suffix=".toml") as others:
                others.write(re.sub(rf"^# (?!{left_out} )([a-z0-9-]+ = )", r"\1",
                                    path.read_text("utf-8"), flags=re.MULTILINE))
                others.flush()
                checked = run("--check-config", "--config-file", others.name)
            self.assertEqual((checked.returncode, checked.stderr), (0, ""))
            self.assertEqual(re.findall("(.*) is not set", checked.stdout), [f"# {left_out}"])

    def test_the_manual_has_a_row_for_every_option(self):
        manual = (ROOT / "docs" / "GMAND.md").read_text("utf-8")
        for name in self.options():
            self.assertRegex(manual, rf"\| `(-\w, )?--{name}[` ]", name)


if __name__ == "__main__":
    unittest.main()
