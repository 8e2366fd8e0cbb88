# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of gearmand's names for stores share: a gmand that is given gearmand's own options
keeps jobs where they say, and finds those that gearmand has left there."""
import json
import shlex
import subprocess
import urllib.parse

from gearmand import Gearmand
from gmand import BINARY, Gmand
from imports import JOBS, submit_all
from wire import *  # pylint: disable=wildcard-import,unused-wildcard-import


class QueueNames:
    """For a TestCase: `options` are gearmand's, `password` is the one among them, and `jobs`
    what that queue can keep."""

    options = ()
    password = None
    jobs = JOBS

    def start(self, *more):
        return Gmand(*self.options, "--log-format", "json", *more,
                     ready='"address":"unix:')

    def expect_all_jobs(self, gmand, more=()):
        """It has the jobs, and `more` workloads of mail; what is not delayed is done now."""
        with Peer(gmand.address) as worker:
            for function in (b"resize", b"mail"):
                worker.send(CAN_DO, function)
                expected = sorted([(priority, workload)
                                   for name, _, priority, delay, workload in self.jobs
                                   if name == function and delay is None]
                                  + [(1, workload) for workload in more if function == b"mail"])
                found = [worker.grab() for _ in expected]
                self.assertEqual(sorted(workload for _, _, workload in found),
                                 sorted(workload for _, workload in expected))
                self.assertEqual(worker.request(GRAB_JOB).type, NO_JOB)
                for handle, _, _ in found:
                    worker.send(WORK_COMPLETE, handle, b"")
                worker.send(CANT_DO, function)
            worker.echo()
        self.assertIn("resize\t0\t0\t0", gmand.admin("status"))
        delayed = sum(1 for _, _, _, delay, _ in self.jobs if delay is not None)
        self.assertRegex(gmand.admin("prioritystatus"), rf"mail\t0\t{delayed}\t0\t")

    def expect_that_jobs_outlive_a_kill(self):
        with self.start() as gmand:
            submit_all(gmand.address, self.jobs)
            gmand.kill()
        with self.start() as gmand:
            self.expect_all_jobs(gmand)
            self.assertNotIn("gearmand has left jobs", gmand.log())

    def expect_that_gearmands_jobs_can_be_had(self):
        with Gearmand(*self.options) as gearmand:
            submit_all(gearmand.address, self.jobs)
        with self.start() as gmand, Peer(gmand.address) as client:
            told = json.loads(gmand.wait_log("gearmand has left jobs"))
            self.assertEqual(told["jobs"], len(self.jobs))
            client.submit("mail", b"meanwhile", kind=SUBMIT_JOB_BG)
            self.assertEqual(gmand.stop(), 0)
        words = shlex.split(told["command"])
        self.assertEqual(words[:3], ["gmand", "store", "import"])
        if self.password is not None:
            self.assertNotIn(self.password, told["command"])
            encoded = urllib.parse.quote(self.password, safe="")
            words = [word.replace("PASSWORD", encoded) for word in words]
        done = subprocess.run([BINARY, *words[1:]], capture_output=True, text=True, timeout=60,
                              check=False)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn(f"imported {len(self.jobs)} jobs", done.stdout)
        with self.start() as gmand:
            told = json.loads(gmand.wait_log("queue is still there"))
            self.assertEqual(told["jobs"], len(self.jobs))
            self.assertNotIn("gearmand has left jobs", gmand.log())
            self.expect_all_jobs(gmand, more=[b"meanwhile"])
            self.assertEqual(gmand.stop(), 0)
