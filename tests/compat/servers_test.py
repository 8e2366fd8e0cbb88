# SPDX-License-Identifier: BSD-3-Clause
"""Other people's clients and workers with a list of two servers, one of them down or both up."""
import subprocess
import unittest

from foreign import ForeignWorker, ask, wait_workers
from gmand import Gmand
from wire import reversing_worker

# Port 1 of the loopback interface: nothing ever listens there.
DOWN = "127.0.0.1:1"
KINDS = ("php", "perl")


class Servers(unittest.TestCase):
    def setUp(self):
        self.gmand = self.enterContext(Gmand())

    def test_clients_find_the_server_that_is_up(self):
        with reversing_worker(self.gmand.address):
            for kind in KINDS:
                for servers in (f"{DOWN},{self.gmand.address}", f"{self.gmand.address},{DOWN}"):
                    with self.subTest(kind=kind, servers=servers):
                        done = ask(kind, servers, "do", "reverse", "Hello World!")
                        self.assertEqual(done.stdout, b"!dlroW olleH", done)

    def test_clients_queue_background_jobs_on_the_server_that_is_up(self):
        for kind in KINDS:
            done = ask(kind, f"{DOWN},{self.gmand.address}", "bg", kind + "_later", "x")
            self.assertEqual(done.returncode, 0, done)
            self.gmand.wait_admin("status", lambda text, k=kind: f"{k}_later\t1\t" in text)

    def test_the_gearman_tool_takes_its_servers_from_the_environment(self):
        with reversing_worker(self.gmand.address):
            done = subprocess.run(["gearman", "-f", "reverse", "Hello"], check=True, timeout=30,
                                  env={"PATH": "/usr/bin:/bin",
                                       "GEARMAN_SERVERS": self.gmand.address},
                                  capture_output=True)
            self.assertEqual(done.stdout, b"olleH")

    def test_workers_serve_both_servers(self):
        with Gmand() as other:
            for kind in KINDS:
                with self.subTest(kind=kind):
                    servers = f"{self.gmand.address},{other.address}"
                    with ForeignWorker(kind, servers, kind + "_"):
                        for server in (self.gmand, other):
                            wait_workers(server, kind + "_reverse")
                            done = ask("gman", server.address, "do", kind + "_reverse", "Hello")
                            self.assertEqual(done.stdout, b"olleH", done)

    def test_workers_serve_the_server_that_is_up(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                with ForeignWorker(kind, f"{DOWN},{self.gmand.address}", kind + "_"):
                    wait_workers(self.gmand, kind + "_reverse")
                    done = ask("gman", self.gmand.address, "do", kind + "_reverse", "Hello")
                    self.assertEqual(done.stdout, b"olleH", done)

    def test_workers_come_back_to_a_server_that_was_restarted(self):
        for kind in KINDS:
            with self.subTest(kind=kind), Gmand() as first:
                with ForeignWorker(kind, f"{first.address},{self.gmand.address}", kind + "_"):
                    wait_workers(first, kind + "_reverse")
                    first.stop()
                    with Gmand(listen=(first.address,)) as second:
                        wait_workers(second, kind + "_reverse")
                        done = ask("gman", second.address, "do", kind + "_reverse", "Hello")
                        self.assertEqual(done.stdout, b"olleH", done)


if __name__ == "__main__":
    unittest.main()
