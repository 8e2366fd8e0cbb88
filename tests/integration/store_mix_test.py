# SPDX-License-Identifier: BSD-3-Clause
"""Kills at any moment under all that can happen to a job: each priority, a time to wait for,
uniques that join, cancellations, workers that die. What was promised is reconciled over all lives.

GMAN_KILLS=1000 for the long run; a failure names its GMAN_SEED.
"""
import collections
import contextlib
import functools
import random
import threading
import time
import unittest

from kept_jobs import KILLS, StoreTestCase
from patience import wait_until
from wire import *  # pylint: disable=wildcard-import,unused-wildcard-import

KINDS = {"high": SUBMIT_JOB_HIGH_BG, "normal": SUBMIT_JOB_BG, "low": SUBMIT_JOB_LOW_BG}


class Promises:
    """A word is the workload of one submit. Its priority comes first, or "later" and its time."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sent, self.acknowledged, self.cancelled = set(), set(), set()
        self.done = collections.Counter()
        self.early = []
        # Submits with a unique may be done under another's word: what counts is that a job of that
        # unique ended after they were sent.
        self.moment = 0
        self.joined = []                # (unique, when it was sent), acknowledged
        self.ended = {}                 # unique: when a job of it ended last

    def next_moment(self):
        self.moment += 1
        return self.moment

    # Clients

    def submit_until_it_dies(self, gmand, name):
        with contextlib.suppress(Closed, OSError), Peer(gmand.address) as client:
            for number in range(100_000):
                random.choice((self.submit_burst, self.submit_burst, self.submit_later,
                               self.submit_unique, self.submit_and_cancel))(
                                   gmand, client, f"{name}.{number}")

    def submit(self, client, word, kind, *args):
        with self.lock:
            self.sent.add(word)
        handle = client.request(kind, "f", *args, word)
        assert handle.type == JOB_CREATED, handle
        with self.lock:
            self.acknowledged.add(word)
        return handle.args[0].decode()

    def submit_burst(self, _, client, name):
        burst = [(random.choice(list(KINDS)), number) for number in range(random.randint(1, 30))]
        words = [f"{priority} {name}.{number}" for priority, number in burst]
        with self.lock:
            self.sent.update(words)
        client.send_bytes(b"".join(encode(KINDS[word.split()[0]], "f", "", word)
                                   for word in words))
        for word in words:
            answer = client.receive()
            assert answer.type == JOB_CREATED, answer
            with self.lock:
                self.acknowledged.add(word)

    def submit_later(self, _, client, name):
        due = int(time.time()) + 1
        self.submit(client, f"later {due} {name}", SUBMIT_JOB_EPOCH, "", str(due))

    def submit_unique(self, _, client, name):
        unique = f"unique {random.randint(1, 5)}"
        with self.lock:
            moment = self.next_moment()
            self.sent.add(f"unique {name}")
        answer = client.request(SUBMIT_JOB_BG, "f", unique, f"unique {name}")
        assert answer.type == JOB_CREATED, answer
        with self.lock:
            self.joined.append((unique, moment))

    def submit_and_cancel(self, gmand, client, name):
        word = f"normal {name}"
        handle = self.submit(client, word, SUBMIT_JOB_BG, "")
        with self.lock:
            self.cancelled.add(word)
        with contextlib.suppress(Closed, OSError):
            gmand.admin(f"cancel job {handle}")

    # Workers

    def work_until_it_dies(self, gmand):
        with contextlib.suppress(Closed, OSError):
            while True:
                with Peer(gmand.address) as worker:
                    self.work_until_it_dies_itself(worker)

    def work_until_it_dies_itself(self, worker):
        worker.send(CAN_DO, "f")
        while True:
            answer = worker.request(GRAB_JOB_UNIQ)
            if answer.type == NO_JOB:
                worker.send(PRE_SLEEP)
                assert worker.receive(60).type == NOOP
            elif random.random() < 0.1:
                return
            else:
                self.do(worker, answer)

    def do(self, worker, assigned):
        handle, _, unique, workload = assigned.args
        word = workload.decode()
        with self.lock:
            self.done[word] += 1
            if word.startswith("later ") and time.time() < int(word.split()[1]):
                self.early.append(word)
        try:
            worker.send(WORK_COMPLETE, handle, b"")
            if unique:
                worker.echo()  # no submit that is sent from here on can have joined it
        finally:
            with self.lock:
                self.ended[unique.decode()] = self.next_moment()


class Mix(StoreTestCase):
    def test_no_kill_loses_or_invents_a_job_of_any_kind(self):
        promises = Promises()
        seed = self.live_many_times(
            lambda gmand, name: [functools.partial(promises.submit_until_it_dies, gmand,
                                                   f"{name}.{i}") for i in range(3)],
            lambda gmand: [functools.partial(promises.work_until_it_dies, gmand)] * 2)
        all_are_due = time.time() + 1.1
        wait_until(lambda: time.time() > all_are_due, "the last job's time")
        with self.start() as gmand:
            with Peer(gmand.address) as worker:
                left = self.drain(worker, promises)
            self.assertEqual(gmand.stop(), 0)
        self.assertEqual(self.rows(), [(0,)])
        with self.subTest(seed=seed):
            self.assertEqual(len(left), len(set(left)))
            self.assertEqual(promises.acknowledged - promises.cancelled - set(promises.done), set())
            self.assertEqual(set(promises.done) - promises.sent, set())
            self.assertEqual([unique for unique, sent in promises.joined
                              if promises.ended.get(unique, 0) < sent], [])
            self.assertEqual(promises.early, [])
            order = [word.split()[0] for word in left if word.split()[0] in KINDS]
            self.assertEqual(order, sorted(order, key=list(KINDS).index))
            self.assertGreater(len(promises.acknowledged), KILLS)

    def drain(self, worker, promises):
        worker.send(CAN_DO, "f")
        left = []
        while (answer := worker.request(GRAB_JOB_UNIQ)).type != NO_JOB:
            left.append(answer.args[3].decode())
            promises.do(worker, answer)
        return left


if __name__ == "__main__":
    unittest.main()
