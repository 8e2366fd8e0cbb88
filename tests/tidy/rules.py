# SPDX-License-Identifier: BSD-3-Clause
"""The house rules that a script can check, one function each.

A rule takes the tree, a dict of path to text, and yields "path:line: what is wrong". It knows
nothing of the disk, so that rules_test.py can show each of them a small tree that breaks it.
"""

import pathlib
import posixpath
import re

import source_tree

# Who may include whom: the picture in docs/ARCHITECTURE.md. A file belongs to the longest of
# these paths that leads to it (server/config.hpp to server/config); each layer may include itself
# and what is listed.
CLIENT_CORE = {"base", "protocol", "client/include", "client/fsm"}
SERVER_CORE = {"base", "protocol", "server/engine", "server/store"}
LAYERS = {
    "base": set(),
    "protocol": {"base"},
    "db": {"base"},
    "server/engine": {"base", "protocol"},
    "server/store": {"base", "protocol", "server/engine", "db"},
    "server/store_command": SERVER_CORE | {"db"},
    "server/config": {"base", "protocol", "server/engine"},
    "server/net": SERVER_CORE | {"server/config"},
    "server/http": SERVER_CORE | {"server/config"},
    "server/pull": SERVER_CORE | CLIENT_CORE | {"server/config"},
    "server": SERVER_CORE | {"server/config", "server/net", "server/http", "server/pull",
                             "server/store_command", "db"},
    "client/include": set(),
    "client/fsm": {"base", "protocol", "client/include"},
    "client/asio": CLIENT_CORE,
    "client/blocking": CLIENT_CORE,
    "cli": CLIENT_CORE | {"client/asio", "db"},
    "relay/core": CLIENT_CORE,
    "relay/asio": CLIENT_CORE | {"relay/core", "client/asio", "db"},
    "udf_mysql": CLIENT_CORE | {"client/blocking"},
    "ext_postgres": CLIENT_CORE | {"client/blocking", "relay/core"},
    "examples": CLIENT_CORE | {"client/asio", "db"},
}
# These may include anything, and nothing includes them.
OUTSIDE = ("tests", "bench", "tools", "web", "cmake")

# The parts that are plain state machines: requests and time in, effects out.
PURE = ("protocol/", "server/engine/", "client/fsm/", "relay/core/")

CPP = (".cpp", ".hpp", ".c", ".h")
HEADERS = (".hpp", ".h")
SCRIPTS = (".py", ".sh", ".php", ".pl", ".cmake")
BUILD_FILES = ("CMakeLists.txt", "Makefile")


def layer_of(path):
    """The layer that a path belongs to, one of OUTSIDE, or None for what is in no layer."""
    if str(path).startswith("gman/"):
        return "client/include"
    stemmed = path.parent / path.stem
    for depth in range(len(stemmed.parts), 0, -1):
        name = "/".join(stemmed.parts[:depth])
        if name in LAYERS or name in OUTSIDE:
            return name
    return None


def is_script(path, text):
    return path.suffix in SCRIPTS or text.startswith("#!")


def is_source(path, text):
    """C++, C, Python, shell, CMake, make and SQL; but not what tests feed or expect."""
    return path.suffix in (*CPP, ".sql") or is_script(path, text) or path.name in BUILD_FILES


def numbered(text):
    return enumerate(text.splitlines(), start=1)


def uncommented(line):
    """A line of C++ without its comment, well enough for looking at calls."""
    return re.sub(r"//.*|/\*.*?\*/", "", line)


def matching(tree, chosen, pattern, message):
    """Each line of the chosen files where the pattern matches outside of comments."""
    for path, text in tree.items():
        if chosen(path):
            for number, line in numbered(text):
                found = re.search(pattern, uncommented(line))
                if found:
                    yield f"{path}:{number}: {message}: {found.group(0).strip()}"


def is_pure(path):
    return path.suffix in CPP and str(path).startswith(PURE)


def includes_follow_the_table(tree):
    """Every include goes along an arrow of the picture; none leads up, or into the tests."""
    for path, text in tree.items():
        if path.suffix not in CPP:
            continue
        layer = layer_of(path)
        if layer is None:
            yield f"{path}:1: in no layer of the include table"
        if layer is None or layer in OUTSIDE:
            continue
        for delimiter, name in source_tree.includes(text):
            target = layer_of(pathlib.PurePosixPath(name))
            if target is None and delimiter == '"' and path.suffix in (".cpp", ".hpp"):
                yield f"{path}:1: \"{name}\" names no layer (write it from the root)"
            if target is not None and target != layer and target not in LAYERS[layer]:
                yield f"{path}:1: {layer} must not include {target}: {name}"


def installed_headers_stand_alone(tree):
    """What is installed includes only the standard library and its own kind."""
    for path, text in tree.items():
        if layer_of(path) != "client/include" or path.suffix not in HEADERS:
            continue
        for delimiter, name in source_tree.includes(text):
            standard = delimiter == "<" and re.fullmatch(r"[a-z_0-9]+(\.h)?", name)
            if not standard and not (delimiter == "<" and name.startswith("gman/")):
                yield f"{path}:1: an installed header must not include {name}"


def state_machines_are_pure(tree):
    """No Asio, socket, clock, thread or logging in the parts that take time and bytes as values."""
    banned_headers = (
        r"#\s*include\s*[<\"](boost/(asio|beast|thread)|asio|thread|mutex|shared_mutex"
        r"|condition_variable|future|stop_token|semaphore|latch|barrier|pthread\.h|iostream"
        r"|fstream|base/log\.hpp|syslog\.h|unistd\.h|poll\.h|sys/|netinet/|netdb\.h)"
    )
    banned_calls = (
        r"::now\s*\(|\b(gettimeofday|clock_gettime|localtime|gmtime)\w*\s*\("
        r"|(?<![\w.>])time\s*\(\s*(nullptr|NULL|0|&)|\bstd::(this_thread|j?thread|mutex)\b"
        r"|\bstd::(cout|cerr|clog)\b|(?<![\w.>])f?printf\s*\("
    )
    yield from matching(tree, is_pure, banned_headers, "not in a state machine")
    yield from matching(tree, is_pure, banned_calls, "not in a state machine")


def server_has_no_mutex(tree):
    """Threads of the server exchange values; a lock there is a design error."""
    yield from matching(
        tree,
        lambda path: path.suffix in CPP and str(path).startswith("server/"),
        r"<(mutex|shared_mutex|condition_variable)>|\b(std::)?(recursive_|shared_|timed_)*mutex\b"
        r"|\b(lock_guard|unique_lock|scoped_lock|condition_variable)\b|pthread_mutex\w*",
        "no lock under server/",
    )


def lines_fit(tree):
    """At most 100 columns."""
    for path, text in tree.items():
        if is_source(path, text):
            for number, line in numbered(text):
                if len(line) > 100:
                    yield f"{path}:{number}: {len(line)} columns, over 100"


def licence_comes_first(tree):
    """The SPDX line is the first one, or the second where a script says who runs it."""
    for path, text in tree.items():
        # What a SQL test says is part of what it expects.
        if not is_source(path, text) or (path.suffix == ".sql" and "tests" in path.parts):
            continue
        head = text.splitlines()[:2]
        if head and head[0].startswith("#!"):
            head.pop(0)
        comment = r"(//|/\*|#|--|<\?php //) SPDX-License-Identifier: BSD-3-Clause( \*/)?"
        if not head or not re.fullmatch(comment, head[0]):
            yield f"{path}:1: the first line is not the SPDX licence line"


def headers_are_included_once(tree):
    """#pragma once, in each header."""
    for path, text in tree.items():
        guarded = re.search(r"^#ifndef GMAN_\w+\n#define GMAN_\w+$", text, re.MULTILINE)
        # C has no such pragma: headers for C compilers may have the older guard.
        if path.suffix in HEADERS and "#pragma once" not in text.splitlines():
            if path.suffix == ".hpp" or not guarded:
                yield f"{path}:1: no #pragma once"


def a_source_begins_with_its_header(tree):
    """x.cpp includes x.hpp before all else, so that a header that needs others is found out."""
    for path, text in tree.items():
        if path.suffix == ".cpp" and path.with_suffix(".hpp") in tree:
            first = next((name for _, name in source_tree.includes(text)), None)
            if first != str(path.with_suffix(".hpp")):
                yield f"{path}:1: its first include is not its own header, but {first}"


def nothing_is_left_for_later(tree):
    """No note to self: what is not done is an issue, not a comment."""
    for path, text in tree.items():
        for number, line in numbered(text):
            found = re.search(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b", line)
            if found:
                yield f"{path}:{number}: {found.group(0)}"


def no_machine_is_named(tree):
    """No path or package host of the machine that somebody happened to work on."""
    paths = r"(?<![\w.}])/(work|root|home|Users)/"
    hosts = (
        r"\b(deb\.debian\.org|snapshot\.debian\.org|security\.debian\.org|pypi\.org|crates\.io"
        r"|pythonhosted\.org|registry\.npmjs\.org|proxy\.golang\.org|docker\.io)\b"
    )
    for path, text in tree.items():
        if str(path).startswith("tests/tidy/"):
            continue
        for number, line in numbered(text):
            found = re.search(f"{paths}|{hosts}", line)
            if found:
                yield f"{path}:{number}: names a machine's path or a package host: {found.group(0)}"


def names_are_snake_case(tree):
    """Files and directories of source: lower case words joined by underscores."""
    for path, text in tree.items():
        if not is_source(path, text) or path.name in BUILD_FILES:
            continue
        name = re.sub(r"^gman(--\d+\.\d+\.\d+)+", "gman", path.name)  # an extension's versions
        for part in (*path.parent.parts, name):
            if not re.fullmatch(r"\.?[a-z0-9_]+(\.[a-z0-9_]+)*", part):
                yield f"{path}:1: {part} is not snake_case"


def nothing_is_dead(tree):
    """Sources are named by a build file, headers included, tests registered, modules imported."""
    build = "\n".join(
        text for path, text in tree.items() if path.name in BUILD_FILES or path.suffix == ".cmake"
    )
    # "${name}_main.cpp" names every file that it could become.
    patterns = [
        re.compile(re.sub(r"\\\$\\\{\w+\\\}", r"\\w+", re.escape(word)))
        for word in re.findall(r"[\w.]*\$\{\w+\}[\w.]*\.c(?:pp)?\b", build)
    ]
    code = {path: text for path, text in tree.items() if is_script(path, text)}
    included = set()
    for path, text in tree.items():
        if path.suffix in CPP:
            for _, name in source_tree.includes(text):
                included.add(pathlib.PurePosixPath(name).name)
    for path, text in tree.items():
        named = re.search(rf"(?<![\w]){re.escape(path.name)}\b", build) or any(
            pattern.fullmatch(path.name) for pattern in patterns
        )
        if path.suffix in (".cpp", ".c"):
            if not named and not re.search(rf"\b{re.escape(path.stem)}\.o\b", build):
                yield f"{path}:1: no build file names it"
        elif path.suffix in HEADERS and path.name not in included:
            yield f"{path}:1: nothing includes it"
        elif path.suffix == ".py" and not named:
            word = re.compile(rf"\b{re.escape(path.stem)}\b")
            if not any(word.search(other) for name, other in code.items() if name != path):
                yield f"{path}:1: nothing runs or imports it"


def links_lead_somewhere(tree):
    """A relative link in a document names a file of the repository, or a directory of one."""
    places = set(tree)
    for path in tree:
        places.update(path.parents)
    for path, text in tree.items():
        if path.suffix != ".md":
            continue
        for number, line in numbered(text):
            for target in re.findall(r"\]\((?!\w+:|#)([^)#]+)", line):
                place = pathlib.PurePosixPath(posixpath.normpath(path.parent / target))
                if place not in places:
                    yield f"{path}:{number}: no {target}"


RULES = (
    includes_follow_the_table,
    installed_headers_stand_alone,
    state_machines_are_pure,
    server_has_no_mutex,
    lines_fit,
    licence_comes_first,
    headers_are_included_once,
    a_source_begins_with_its_header,
    nothing_is_left_for_later,
    no_machine_is_named,
    names_are_snake_case,
    nothing_is_dead,
    links_lead_somewhere,
)
