# SPDX-License-Identifier: BSD-3-Clause
"""clang-tidy over everything that a build compiles, skipping what has passed before.

A translation unit is named by a hash of its flags, of .clang-tidy, of this script, of clang-tidy's
version and of all files of this repository that it includes; one that passed leaves its name in the
build's tidy-cache. System headers are not hashed: new ones come with a new clang-tidy version.
"""

import argparse
import concurrent.futures
import hashlib
import json
import pathlib
import shlex
import subprocess
import sys
import time

import source_tree

# GCC's precompiled headers mean nothing to clang; without them each file must include what it uses.
# The rest are flags of GCC's that clang does not know, beside warnings, which it may leave alone.
DROPPED_FLAGS = {"-Winvalid-pch", "-fpch-preprocess"}
GCC_WARNINGS_FLAG = "-Wno-unknown-warning-option"

# The path-sensitive checks at their default depth take a minute for one test file; at this one they
# take as long as all the others.
ANALYZER_FLAGS = ["-Xclang", "-analyzer-config", "-Xclang", "mode=shallow"]


def clang_arguments(entry):
    """The compile command without compiler, source, output and what belongs to GCC alone."""
    words = shlex.split(entry["command"])
    while not words[0].startswith("-"):
        words.pop(0)  # ccache and the compiler
    kept = []
    rest = iter(words)
    for word in rest:
        if word in ("-o", "-c"):
            next(rest)
        elif word == "-include":
            name = next(rest)
            if not name.endswith("cmake_pch.hxx"):
                kept += [word, name]
        elif word not in DROPPED_FLAGS:
            kept.append(word)
    return kept + [GCC_WARNINGS_FLAG] + ANALYZER_FLAGS


def fingerprint(source, arguments, version):
    """The name under which this translation unit, exactly as it is now, has passed or not."""
    digest = hashlib.sha256()
    digest.update(version.encode())
    digest.update((source_tree.ROOT / ".clang-tidy").read_bytes())
    digest.update(pathlib.Path(__file__).read_bytes())
    digest.update("\0".join(arguments).encode())
    for path in source_tree.include_closure(source):
        digest.update(str(path).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_test(source):
    return source.relative_to(source_tree.ROOT).parts[0] in ("tests", "bench")


def uses_coroutines(source):
    """Whether the file or one that it includes has coroutines in it."""
    closure = source_tree.include_closure(source)
    return any("awaitable" in path.read_text(encoding="utf-8") for path in closure)


def tidy(source, arguments):
    """Runs clang-tidy once; returns whether it passed, and what it said."""
    # The analyzer of clang 14 does not follow coroutines: it finds faults in Asio's own headers. In
    # tests it takes half of the time, for code that runs under the sanitizers.
    is_analyzed = not is_test(source) and not uses_coroutines(source)
    checks = [] if is_analyzed else ["--checks=-clang-analyzer-*"]
    command = ["clang-tidy", "--quiet", *checks, str(source), "--", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=source_tree.ROOT)
    errors = [line for line in done.stderr.splitlines() if " generated." not in line]
    return done.returncode == 0, "\n".join([done.stdout.rstrip(), *errors])


def units(build):
    """(source, arguments) of each C++ file of this repository in the compile commands."""
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        source = pathlib.Path(entry["directory"], entry["file"]).resolve()
        in_build = source.is_relative_to(build)
        if source.suffix == ".cpp" and source.is_relative_to(source_tree.ROOT) and not in_build:
            yield source, clang_arguments(entry)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    build = options.build.resolve()
    cache = build / "tidy-cache"
    cache.mkdir(exist_ok=True)
    version = subprocess.run(
        ["clang-tidy", "--version"], check=True, capture_output=True, text=True
    ).stdout

    started = time.monotonic()
    todo = {}
    total = 0
    for source, arguments in units(build):
        total += 1
        name = fingerprint(source, arguments, version)
        if not (cache / name).exists():
            todo[name] = (source, arguments)

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        runs = {pool.submit(tidy, *unit): name for name, unit in todo.items()}
        for run in concurrent.futures.as_completed(runs):
            passed, output = run.result()
            if passed:
                (cache / runs[run]).touch()
            else:
                failed += 1
                print(output, flush=True)
    seconds = time.monotonic() - started
    print(f"clang-tidy: {total} files, {len(todo)} read in {seconds:.0f} s, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
