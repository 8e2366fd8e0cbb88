# SPDX-License-Identifier: BSD-3-Clause
"""What a soak run is judged by: figures of equal cycles, those of the first half beside the second.

Each cycle ends in quiet: every job is done, and only the steady connections are left. Only what is
measured then is judged, for how much is in flight at any other moment is chance. The first cycle
warms the server up and is left out. The figures are medians, so that one cycle that another
program disturbed decides nothing. Time is the server's own CPU time, since that of the clock says
more about the machine than about the server. In the quiet it is judged as a multiple of what an
exchange of a few bytes costs another process beside it, since on a busy machine CPU time is dear,
too; under load, where there is nothing to compare with, only a time that has more than doubled.
"""
import dataclasses
import statistics

CYCLES_MIN = 5

# How much more the second half may have than the first: a part of it, and an amount that is noise.
MEMORY_RATIO, MEMORY_BYTES = 1.03, 3 << 20
CPU_RATIO, CPU_RATIO_LOADED = 1.5, 2.5


@dataclasses.dataclass
class Cycle:
    jobs: int                # done in it
    jobs_per_second: float
    memory_bytes: int        # resident in the quiet at its end
    memory_bytes_max: int    # resident at its height
    cpu_us: float            # the server's CPU time a job, under load
    trip_pings: float        # of a foreground job in the quiet, as a multiple of a ping's
    trip_cpu_us: float       # the same as it is, and the median time by the clock: not judged
    trip_us: float


def halves(cycles):
    """The two that are compared, without the warming up and without a middle one."""
    steady = cycles[1:]
    size = len(steady) // 2
    return steady[:size], steady[len(steady) - size:]


def complaints(cycles, judges_memory=True):
    """What is not flat, in words; nothing when all is well."""
    if len(cycles) < CYCLES_MIN:
        return [f"only {len(cycles)} cycles, and {CYCLES_MIN} are needed to tell"]
    first, second = halves(cycles)

    def medians(name):
        return [statistics.median(getattr(cycle, name) for cycle in half)
                for half in (first, second)]

    found = []
    before, after = medians("memory_bytes")
    if judges_memory and after > before * MEMORY_RATIO + MEMORY_BYTES:
        found.append(f"memory grew from {before / 2**20:.1f} to {after / 2**20:.1f} MiB, measured "
                     "when every job was done")
    for name, ratio, what in (
            ("cpu_us", CPU_RATIO_LOADED, "us of CPU time for a job under load"),
            ("trip_pings", CPU_RATIO, "times a ping's CPU time for a job in the quiet")):
        before, after = medians(name)
        if after > before * ratio:
            found.append(f"from {before:.2f} to {after:.2f} {what}")
    return found
