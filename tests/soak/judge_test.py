# SPDX-License-Identifier: BSD-3-Clause
"""The soak's judge finds what grows, and does not mind noise."""
import random
import unittest

from judge import CYCLES_MIN, Cycle, complaints


def cycles(count, memory=lambda n: 20 << 20, cpu=lambda n: 12.0, pings=lambda n: 2.7):
    return [Cycle(30_000, 5000.0, memory(n), 60 << 20, cpu(n), pings(n), 40.0, 150.0)
            for n in range(count)]


class Judge(unittest.TestCase):
    def test_flat_figures_are_well(self):
        self.assertEqual(complaints(cycles(8)), [])

    def test_noise_is_well(self):
        noise = random.Random(7)
        for _ in range(100):
            self.assertEqual(complaints(cycles(
                9, memory=lambda n: (20 << 20) + noise.randrange(2900 << 10),
                cpu=lambda n: 12 * noise.uniform(0.7, 1.4),
                pings=lambda n: 2.7 * noise.uniform(0.85, 1.15))), [])

    def test_one_disturbed_cycle_is_well(self):
        self.assertEqual(complaints(cycles(9, memory=lambda n: (90 if n == 7 else 20) << 20,
                                           cpu=lambda n: 120.0 if n == 7 else 12.0)), [])

    def test_warming_up_is_well(self):
        self.assertEqual(complaints(cycles(6, memory=lambda n: (5 if n == 0 else 20) << 20)), [])

    def test_a_leak_of_48_bytes_a_job_is_found_by_the_short_run(self):
        """It has eight cycles of 20,000 jobs or more."""
        found = complaints(cycles(8, memory=lambda n: (10 << 20) + n * 48 * 20_000))
        self.assertIn("memory grew", found[0])

    def test_a_leak_of_4_bytes_a_job_is_found_by_the_long_run(self):
        """It has forty cycles of 60,000 jobs or more."""
        found = complaints(cycles(40, memory=lambda n: (10 << 20) + n * 4 * 60_000))
        self.assertIn("memory grew", found[0])

    def test_time_that_grows_is_found(self):
        found = complaints(cycles(8, pings=lambda n: 2.7 * (1 + n * 0.2)))
        self.assertRegex("".join(found), "^from .* times a ping's CPU time for a job in the quiet$")
        found = complaints(cycles(8, cpu=lambda n: 12.0 * (1 + n * n * 0.2)))
        self.assertRegex("".join(found), "^from .* us of CPU time for a job under load$")

    def test_memory_is_not_judged_where_a_sanitizer_keeps_it(self):
        leaking = cycles(8, memory=lambda n: (20 + 10 * n) << 20)
        self.assertEqual(complaints(leaking, judges_memory=False), [])

    def test_too_few_cycles_are_no_proof(self):
        self.assertEqual(complaints(cycles(CYCLES_MIN)), [])
        self.assertNotEqual(complaints(cycles(CYCLES_MIN - 1)), [])


if __name__ == "__main__":
    unittest.main()
