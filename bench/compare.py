# SPDX-License-Identifier: BSD-3-Clause
"""gmand beside gearmand and beside the least possible responder, in one run on one machine.

Every row is measured on every server in alternation, several times over, each time on a server
that was just started; the table shows medians. Absolute figures are this machine's; what is to
hold are ratios. Server CPU for each job is what other load on the machine disturbs least.
"""

import argparse
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True

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
    for number in range(min(options.rounds, row.rounds_max)):
        for name in row.servers:
            if name in workloads.GEARMANDS and number >= row.rounds_max_gearmand:
                continue
            size = row.sizes[name][options.mode]
            started = time.monotonic()
            with servers.start(name) as server:
                figures = row.measure(server, size)
            for figure, value in figures.items():
                found[name].setdefault(figure, []).append(value)
            shown = "; ".join(f"{figure} {figure_text(value)}" for figure, value in figures.items())
            say(f"{place} {row.name}, {name}, round {number + 1}: {shown} "
                f"({time.monotonic() - started:.0f} s)")
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


def ratio_text(figure, medians, others):
    ours = medians["gmand"].get(figure)
    theirs = [medians[name][figure] for name in others
              if name in medians and medians[name].get(figure)]
    if ours is None or not theirs:
        return ""
    best = max(theirs) if figure == workloads.RATE else min(theirs)
    return f"{ours / best:.2f}"


HEADINGS = ["workload", "figure", *workloads.ALL, "to the best gearmand", "to least", "asked",
            "holds"]


def lines_of(row, medians):
    """A line for each figure; the row's name stands on the first."""
    names = list(medians["gmand"])
    for figure in names:
        ask = row.asks.get(figure)
        yield [
            row.name if figure == names[0] else "",
            figure,
            *(figure_text(medians[name][figure]) if figure in medians.get(name, {}) else "-"
              for name in workloads.ALL),
            ratio_text(figure, medians, workloads.GEARMANDS),
            ratio_text(figure, medians, ["least"]),
            ask.text if ask else "",
            holds_text(ask, figure, medians),
        ]


def markdown(lines):
    yield "| " + " | ".join(HEADINGS) + " |"
    yield "|" + "|".join("---" if i < 2 or i > 7 else "---:" for i in range(len(HEADINGS))) + "|"
    for line in lines:
        yield "| " + " | ".join(line) + " |"


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


def keep(text):
    document = KEPT_IN.read_text(encoding="utf-8")
    begin, end = document.index(BEGIN) + len(BEGIN), document.index(END)
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
    parser.add_argument("--without-gearmand", action="store_true", help="measure ours only")
    parser.add_argument("--keep", action="store_true",
                        help="write the table into docs/PERFORMANCE.md")
    options = parser.parse_args()
    options.mode = "quick" if options.quick else "full"
    options.rounds = options.rounds or (1 if options.quick else 5)
    if options.rounds < 1:
        parser.error("--rounds: at least 1")
    chosen = [row for row in workloads.ROWS
              if not (options.quick and row.is_long and not options.only)]
    if options.only:
        chosen = [row for row in chosen if any(text in row.name for text in options.only)]
    if not chosen:
        parser.error(f"--only {options.only}: no row has such a name; there are\n  "
                     + "\n  ".join(row.name for row in workloads.ROWS))
    if options.keep and options.only:
        parser.error("--keep keeps the whole table, so not with --only")
    return options, chosen


def main():
    options, chosen = parse_arguments()
    descriptors = servers.allow_descriptors()
    if descriptors < 10_100:
        say(f"only {descriptors} descriptors are allowed: raise `ulimit -n` for the idle row")
    if options.without_gearmand or servers.gearmand_binary() is None:
        say("gearmand is left out")
        for row in chosen:
            row.servers = tuple(name for name in row.servers if name not in workloads.GEARMANDS)
    load_before, started = os.getloadavg(), time.monotonic()
    lines = []
    for number, row in enumerate(chosen, start=1):
        medians = measure_row(row, options, f"[{number}/{len(chosen)}]")
        lines += lines_of(row, medians)
    table = "\n".join(markdown(lines))
    about = circumstances(options, load_before, time.monotonic() - started)
    print(f"{about}\n\n{table}")
    missed = [line for line in lines if line[-1] == "NO"]
    say(f"{sum(line[-1] == 'yes' for line in lines)} figures hold, {len(missed)} do not")
    if options.keep:
        keep(f"{about}\n\n{table}\n")


if __name__ == "__main__":
    main()
