# SPDX-License-Identifier: BSD-3-Clause
"""SIGHUP: what changes live, what waits for a restart, and what a broken file does."""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from gmand import BINARY, Gmand
from wire import *  # pylint: disable=wildcard-import,unused-wildcard-import

NOT_READ = "configuration not read again, nothing has changed"


class Reload(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="gman-reload-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.file = self.directory / "gmand.toml"
        self.reloads = 0

    def gmand(self, text, *args, **more):
        self.file.write_text(text, "utf-8")
        return self.enterContext(Gmand("--config-file", self.file, *args, **more))

    def reload(self, gmand, text, answer="configuration read again"):
        """The line that says what became of it."""
        self.file.write_text(text, "utf-8")
        before = gmand.log().count(answer)
        gmand.signal(signal.SIGHUP)
        until = time.monotonic() + 10
        while gmand.log().count(answer) == before:
            self.assertLess(time.monotonic(), until, gmand.log())
            time.sleep(0.005)
        return [line for line in gmand.log().splitlines() if answer in line][-1]

    def test_one_line_lists_what_changed_and_one_what_needs_a_restart(self):
        gmand = self.gmand("drain-seconds = 10\n")
        line = self.reload(gmand, 'drain-seconds = 0.5\nverbose = "DEBUG"\nbacklog = 7\n'
                                  'pid-file = "/p"\njob-handle-prefix = "x"\n')
        self.assertTrue(line.endswith(
            r'changed="backlog 4096 -> 7, verbose \"INFO\" -> \"DEBUG\", '
            r'drain-seconds 10 -> 0.5"'), line)
        self.assertTrue(gmand.wait_log("a restart is needed").rstrip().endswith(
            r'options="pid-file not set -> \"/p\", job-handle-prefix not set -> \"x\""'))
        self.assertEqual(gmand.admin("verbose"), "OK DEBUG\n")
        self.assertIn("changed=nothing", self.reload(gmand, self.file.read_text("utf-8")))

    def test_a_broken_file_leaves_everything_as_it_was_and_is_named_with_its_line(self):
        gmand = self.gmand("jobs-max = 1\n")
        for text, cause in (("jobs-max = 2\nport = 70000\n", ":2: port: '70000' is not a whole"),
                            ("jobs-max = 2\nnonsense\n", ":2: "),
                            ("jobs-max = 2\nssl = true\n", ":2: ssl: this version of gmand has"),
                            ("jobs-max = 2\nhalf-packet-seconds = 0\n", "half-packet-seconds")):
            line = self.reload(gmand, text, NOT_READ)
            self.assertIn(" error ", line)
            self.assertIn(cause, line)
        self.file.unlink()
        gmand.signal(signal.SIGHUP)
        gmand.wait_log("No such file or directory")
        with Peer(gmand.address) as client:
            client.submit("f", kind=SUBMIT_JOB_BG)
            self.assertEqual(client.request(SUBMIT_JOB_BG, "f", "", "").type, ERROR)

    def test_the_command_line_still_goes_before_the_file(self):
        gmand = self.gmand("", "--drain-seconds", "3")
        self.assertIn("changed=nothing", self.reload(gmand, "drain-seconds = 4\n"))

    def test_limits_of_jobs_hold_at_once(self):
        gmand = self.gmand("")
        with Peer(gmand.address) as client:
            def submit(function):
                return client.request(SUBMIT_JOB_BG, function, "", b"x").type
            self.assertEqual([submit("f") for _ in range(3)], [JOB_CREATED] * 3)
            self.reload(gmand, "queue-max = 3\njobs-max = 4\n")
            self.assertEqual([submit("f"), submit("g"), submit("g")], [ERROR, JOB_CREATED, ERROR])
            self.reload(gmand, "memory-max = 1\n")
            self.assertEqual(submit("f"), ERROR)
            self.reload(gmand, "")
            self.assertEqual(submit("f"), JOB_CREATED)

    def test_job_retries_and_exceptions_hold_for_jobs_that_are_there(self):
        gmand = self.gmand("")
        with Peer(gmand.address) as client:
            handle = client.submit("job")
            self.reload(gmand, "job-retries = 1\nexceptions = true\n")
            with Peer(gmand.address) as worker:
                worker.send(CAN_DO, "job")
                worker.grab()
            self.assertEqual(client.receive(), (WORK_FAIL, [handle]))
            handle = client.submit("job")
            with Peer(gmand.address) as worker:
                worker.send(CAN_DO, "job")
                worker.grab()
                worker.send(WORK_EXCEPTION, handle, b"why")
                self.assertEqual(client.receive(), (WORK_EXCEPTION, [handle, b"why"]))

    def test_the_size_of_packets_and_their_patience_hold_for_connections_that_are_there(self):
        gmand = self.gmand("")
        with Peer(gmand.address) as peer, Peer(gmand.address) as half:
            peer.echo(bytes(1025))
            half.send_bytes(b"\0RE")
            peer.echo()
            self.reload(gmand, "packet-bytes-max = 1024\nhalf-packet-seconds = 0.2\n")
            half.receive_until_closed()
            gmand.wait_log("reason=half_packet")
            peer.echo(bytes(1024))
            answer = peer.request(ECHO_REQ, bytes(1025))
            self.assertEqual(answer.args, [b"ARGUMENT_TOO_LARGE", b"Packet body announced above "
                                                                  b"the limit of 1024 bytes"])

    def test_how_long_a_stop_waits_holds_at_once(self):
        gmand = self.gmand("drain-seconds = 3600\n")
        with Peer(gmand.address) as client, Peer(gmand.address) as worker:
            worker.send(CAN_DO, "job")
            client.submit("job")
            worker.grab()
            self.reload(gmand, "drain-seconds = 0.1\n")
            self.assertEqual(gmand.stop(), 0)

    def test_the_log_moves_to_another_file_and_another_format(self):
        first, second = self.directory / "first", self.directory / "second"
        gmand = self.gmand(f'log-file = "{first}"\n', log_file=first)
        self.file.write_text(f'log-file = "{second}"\nlog-format = "json"\n', "utf-8")
        gmand.signal(signal.SIGHUP)
        gmand.wait_admin("version", lambda _: second.exists() and
                         "configuration read again" in second.read_text("utf-8"))
        self.assertTrue(all(line.startswith('{"time":')
                            for line in second.read_text("utf-8").splitlines()[1:]))
        self.assertNotIn("read again", first.read_text("utf-8"))

    def test_a_log_file_that_cannot_be_opened_leaves_the_log_where_it_was(self):
        gmand = self.gmand("")
        self.reload(gmand, 'log-file = "/no/such/directory/log"\n', "log file not opened again")
        gmand.wait_log("configuration read again")
        self.assertIn("drain-seconds 10 -> 1", self.reload(gmand, "drain-seconds = 1\n"))

    def test_keepalive_changes_for_connections_that_come(self):
        gmand = self.gmand("keepalive-idle = 60\n", listen=("127.0.0.1",))

        def timers(peer):
            """What ss shows of the server's side: the time until the first probe."""
            ports = f"( sport = :{gmand.port} and dport = :{peer.socket.getsockname()[1]} )"
            return subprocess.run(["ss", "-Htno", ports], capture_output=True, text=True,
                                  timeout=10, check=True).stdout

        if shutil.which("ss") is None:
            self.skipTest("there is no ss")
        with Peer(gmand.address) as before:
            before.echo()
            self.assertRegex(timers(before), r"keepalive,(59|1min|60)")
            self.reload(gmand, "keepalive = false\n")
            with Peer(gmand.address) as after:
                after.echo()
                self.assertNotIn("keepalive", timers(after))
            self.assertIn("keepalive", timers(before))

    def test_many_reloads_leave_no_descriptor_behind(self):
        gmand = self.gmand("")
        self.reload(gmand, "drain-seconds = 1\n")
        before = len(os.listdir(f"/proc/{gmand.pid}/fd"))
        for number in range(20):
            self.reload(gmand, f"drain-seconds = {number + 2}\n")
        self.assertEqual(len(os.listdir(f"/proc/{gmand.pid}/fd")), before)


class CommandLine(unittest.TestCase):
    def test_what_changes_nothing_is_one_line_each_in_the_log(self):
        with Gmand("-t", "4", "-w", "1", "-R", "--hashtable-buckets", "991") as gmand:
            for option in ("--threads", "--worker-wakeup", "--round-robin", "--hashtable-buckets"):
                self.assertIn(" warn ", gmand.wait_log(f"option={option} "))
            self.assertEqual(gmand.log().count("it changes nothing"), 4)

    def test_check_config_opens_nothing(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            checked = subprocess.run(
                [BINARY, "-L", f"127.0.0.1:{taken.getsockname()[1]}", "--check-config", "-l",
                 "/no/such/directory/log"], capture_output=True, text=True, timeout=30, check=False)
            self.assertEqual((checked.returncode, checked.stderr), (0, ""))
            self.assertIn('log-file = "/no/such/directory/log"\n', checked.stdout)

    def test_a_handle_prefix_of_ones_own_is_still_followed_by_the_start(self):
        handles = set()
        for _ in range(2):
            with Gmand("--job-handle-prefix", "Q1") as gmand, Peer(gmand.address) as client:
                handle = client.submit("f", kind=SUBMIT_JOB_BG)
                self.assertRegex(handle, rb"^Q1:[0-9a-z]{8,9}:\d+$")
                handles.add(handle)
        self.assertEqual(len(handles), 2)

    def test_a_start_and_a_stop_are_one_line_each(self):
        with Gmand("--jobs-max", "5", "--memory-max", "1G") as gmand:
            line = gmand.wait_log("started")
            self.assertIn(f" pid={gmand.pid} ", line)
            for word in ("version=0.", f'listen="{gmand.address} unix:{gmand.unix_socket}"',
                         "jobs_max=5", "memory_max=1073741824", "packet_bytes_max=67174400"):
                self.assertIn(word, line)
            with contextlib.closing(Peer(gmand.address)) as peer:
                peer.echo()
            gmand.stop()
            gmand.wait_log("stopped")
            self.assertEqual(gmand.log().count("stopped"), 1)


if __name__ == "__main__":
    unittest.main()
