# SPDX-License-Identifier: BSD-3-Clause
"""gmand beside gearmand, Redis and the least possible responder, in one run on one machine.

Every row is measured on every server in turn, several times over, each time on a server that was
just started and in another order, so that none of them always follows the same one; the table shows
medians. Where a disk decides, which has better and worse minutes, servers that were started
together are measured in short turns. Absolute figures are this machine's; what is to hold are
ratios. Server CPU for each job is what other load on the machine disturbs least.
"""

import argparse
import os
import pathlib
import platform
import random
import re
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True

import kept_tables
import rows as workloads  # pylint: disable=wrong-import-position
import servers  # pylint: disable=wrong-import-position

KEPT_IN = servers.ROOT / "docs/PERFORMANCE.md"
BEGIN = "<!-- kept by `tools/dev bench --keep`: begin -->"
END = "<!-- kept by `tools/dev bench --keep`: end -->"


def say(text):
    print(text, file=sys.stderr, flush=True)


def figure_text(number):
    if number >= 1000:
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def measure_row(row, options, place):
    """Lists of figures, by server and name."""
    found = {name: {} for name in row.servers}
    orders = random.Random(row.name)
    for number in range(min(options.rounds, row.rounds_max)):
        names = [name for name in row.servers
                 if not workloads.is_gearmand(name) or number < row.rounds_max_gearmand]
        for name, figures, seconds in row.figures_of(names, options.mode, orders):
            for figure, value in figures.items():
                found[name].setdefault(figure, []).append(value)
            shown = "; ".join(f"{figure} {figure_text(value)}" for figure, value in figures.items())
            say(f"{place} {row.name}, {name}, round {number + 1}: {shown} ({seconds:.0f} s)")
    return {name: {figure: statistics.median(values) for figure, values in figures.items()}
            for name, figures in found.items()}


def holds_text(ask, figure, medians):
    """"yes" or "NO", or nothing where a server that it compares with was not measured."""
    if ask is None:
        return ""
    try:
        return "yes" if ask.holds(lambda name: medians[name][figure]) else "NO"
    except KeyError:
        return "?"


def ratio_text(figure, medians, ours, others):
    own = medians.get(ours, {}).get(figure)
    theirs = [medians[name][figure] for name in others
              if name in medians and medians[name].get(figure)]
    if own is None or not theirs or figure in workloads.NOT_OF_THE_SERVER:
        return ""
    best = max(theirs) if figure in workloads.MORE_IS_BETTER else min(theirs)
    return f"{own / best:.2f}"


def lines_of(table, row, medians):
    """A line for each figure; the row's name stands on the first."""
    names = list(dict.fromkeys(figure for figures in medians.values() for figure in figures))
    for figure in names:
        ask = row.asks.get(figure)
        yield [
            row.name if figure == names[0] else "",
            figure,
            *(figure_text(medians[name][figure]) if figure in medians.get(name, {}) else "-"
              for name in table.columns),
            *(ratio_text(figure, medians, table.ours, others) for others in table.ratios.values()),
            ask.text if ask else "",
            holds_text(ask, figure, medians),
        ]


def markdown(table, lines):
    figures = [*table.columns, *table.ratios]
    yield "| " + " | ".join(["workload", "figure", *figures, "asked", "holds"]) + " |"
    yield "|---|---|" + "---:|" * len(figures) + "---|---|"
    for line in lines:
        yield "| " + " | ".join(line) + " |"


def caption(table):
    if not table.is_stored:
        return f"{table.title}."
    taken = servers.sync_seconds()
    quickest = statistics.quantiles(taken, n=100)
    return (f"{table.title}, kept on {servers.disk_of(servers.stores_below)}, where to append 100 "
            f"bytes and make them safe by fdatasync takes {1e6 * statistics.median(taken):.0f} us "
            f"(99 %: {1e6 * quickest[98]:.0f} us).")


def processor():
    found = re.search(r"^model name\s*:\s*(.*)$",
                      pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return found.group(1) if found else platform.machine()


def commit():
    done = subprocess.run(["git", "-C", str(servers.ROOT), "rev-parse", "--short", "HEAD"],
                          capture_output=True, text=True, check=False)
    return done.stdout.strip() or "no commit"


def circumstances(options, load_before, seconds):
    loads = [*load_before, *os.getloadavg()]
    gearmand = servers.gearmand_version() if servers.gearmand_binary() else "not installed"
    return (f"{options.mode} run, up to {options.rounds} rounds, medians; {processor()}, "
            f"{os.cpu_count()} cores, Linux {platform.release().split('-')[0]}; gman at "
            f"{commit()}, gearmand {gearmand}; load average before {loads[0]:.1f}, after "
            f"{loads[3]:.1f}; {seconds / 60:.0f} min.")


def keep(text, is_part):
    """All tables anew; or some rows in the place of those of before, when it is a part."""
    document = KEPT_IN.read_text(encoding="utf-8")
    begin, end = document.index(BEGIN) + len(BEGIN), document.index(END)
    if is_part:
        text = kept_tables.with_rows(document[begin:end], text)
    KEPT_IN.write_text(document[:begin] + "\n" + text + document[end:], encoding="utf-8")
    say(f"kept in {KEPT_IN.relative_to(servers.ROOT)}")


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="tools/dev bench", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true",
                        help="smaller and fewer: about two minutes")
    parser.add_argument("--rounds", type=int, help="of each row (1 when quick, else 5)")
    parser.add_argument("--only", metavar="TEXT", action="append",
                        help="only rows whose name holds TEXT; may be given several times")
    parser.add_argument("--without-gearmand", action="store_true", help="leave gearmand out")
    parser.add_argument("--stores-below", metavar="DIR", type=pathlib.Path,
                        default=servers.STORES_BELOW_DEFAULT,
                        help="where durable jobs are kept: on a disk (%(default)s)")
    parser.add_argument("--keep", action="store_true",
                        help="write the tables into docs/PERFORMANCE.md; with --only, these rows")
    options = parser.parse_args()
    options.mode = "quick" if options.quick else "full"
    options.rounds = options.rounds or (1 if options.quick else 5)
    if options.rounds < 1:
        parser.error("--rounds: at least 1")
    every = [(table, row) for table in workloads.TABLES for row in table.rows]
    chosen = [(table, row) for table, row in every
              if not (options.quick and row.is_long and not options.only)]
    if options.only:
        chosen = [(table, row) for table, row in chosen
                  if any(text in row.name for text in options.only)]
    if not chosen:
        parser.error(f"--only {options.only}: no row has such a name; there are\n  "
                     + "\n  ".join(row.name for _, row in every))
    if any(table.is_stored for table, _ in chosen):
        check_disk(parser, options.stores_below)
    return options, chosen


def check_disk(parser, directory):
    if not directory.is_dir():
        parser.error(f"--stores-below {directory}: no such directory")
    disk = servers.disk_of(directory)
    if disk in servers.IN_MEMORY:
        parser.error(f"--stores-below {directory}: it is a {disk}, where nothing is durable; "
                     "name a directory on a disk")


def leave_out(options, chosen):
    """Takes from the rows the servers that are not wanted or not here, and says which and why."""
    reasons = {}
    for name in dict.fromkeys(name for _, row in chosen for name in row.servers):
        if options.without_gearmand and workloads.is_gearmand(name):
            reasons[name] = "not wanted"
        elif (reason := servers.lacks(name)) is not None:
            reasons[name] = reason
    for name, reason in reasons.items():
        say(f"{name} is left out: {reason}")
    for _, row in chosen:
        row.servers = tuple(name for name in row.servers if name not in reasons)
        if not row.servers:
            say(f"nothing is left to measure of: {row.name}")


def main():
    options, chosen = parse_arguments()
    servers.stores_below = options.stores_below
    descriptors = servers.allow_descriptors()
    if descriptors < 10_100:
        say(f"only {descriptors} descriptors are allowed: raise `ulimit -n` for the idle row")
    leave_out(options, chosen)
    load_before, started = os.getloadavg(), time.monotonic()
    parts, verdicts = [], []
    for table in workloads.TABLES:
        lines = []
        for number, (owner, row) in enumerate(chosen, start=1):
            if owner is table:
                medians = measure_row(row, options, f"[{number}/{len(chosen)}]")
                lines += lines_of(table, row, medians)
        if lines:
            parts.append("\n".join([caption(table), "", *markdown(table, lines)]))
            verdicts += [line[-1] for line in lines]
    about = circumstances(options, load_before, time.monotonic() - started)
    text = "\n\n".join([about, *parts])
    print(text)
    say(f"{verdicts.count('yes')} figures hold, {verdicts.count('NO')} do not")
    if options.keep:
        keep(f"{text}\n", is_part=options.only is not None)


if __name__ == "__main__":
    main()
