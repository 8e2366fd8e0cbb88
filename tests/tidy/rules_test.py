# SPDX-License-Identifier: BSD-3-Clause
"""The repository keeps its house rules, and each rule would notice if it did not."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

import rules
import source_tree

SPDX = "// SPDX-License-Identifier: BSD-3-Clause\n"
LATER = "TO" + "DO"

# For each rule: trees that break it, and trees that do not although they look alike.
BREAKS = {
    rules.includes_follow_the_table: [
        {"protocol/a.cpp": '#include "server/engine/job.hpp"'},
        {"base/a.hpp": '#include "protocol/packet.hpp"'},
        {"server/engine/a.cpp": '#include "server/net/session.hpp"'},
        {"server/engine/a.cpp": "#include <gman/client.hpp>"},
        {"server/net/a.cpp": '#include "server/phases.hpp"'},
        {"server/engine/a.cpp": '#include "server/config.hpp"'},
        {"server/main.cpp": '#include "client/asio/pool.hpp"'},
        {"client/fsm/a.cpp": '#include "server/engine/job.hpp"'},
        {"client/blocking/a.cpp": '#include "client/asio/pool.hpp"'},
        {"cli/main.cpp": '#include "tests/support/server.hpp"'},
        {"udf_mysql/a.cpp": '  #  include "db/mysql.hpp"'},
        {"somewhere/a.cpp": "int x;"},
        {"protocol/a.cpp": '#include "sub/neighbour.hpp"'},
    ],
    rules.installed_headers_stand_alone: [
        {"client/include/gman/a.hpp": "#include <boost/asio.hpp>"},
        {"client/include/gman/a.hpp": '#include "base/result.hpp"'},
        {"client/include/gman/a.h": "#include <sys/socket.h>"},
    ],
    rules.state_machines_are_pure: [
        {"protocol/a.cpp": "#include <boost/asio.hpp>"},
        {"server/engine/a.cpp": "#include <thread>"},
        {"server/engine/a.cpp": '#include "base/log.hpp"'},
        {"client/fsm/a.hpp": "auto t = std::chrono::steady_clock::now();"},
        {"client/fsm/a.cpp": "auto t = time(nullptr);"},
        {"server/engine/a.cpp": "clock_gettime(CLOCK_MONOTONIC, &t);"},
        {"protocol/a.cpp": 'std::cerr << "odd";'},
        {"protocol/a.cpp": "#include <sys/socket.h>"},
    ],
    rules.server_has_no_mutex: [
        {"server/net/a.hpp": "#include <mutex>"},
        {"server/store/a.cpp": "std::mutex m;"},
        {"server/store/a.cpp": "std::scoped_lock lock(m);"},
        {"server/main.cpp": "pthread_mutex_t m;"},
    ],
    rules.lines_fit: [
        {"base/a.cpp": "x" * 101},
        {"tools/run": "#!/bin/sh\n#" + "x" * 100},
        {"sql/postgres/a.sql": "-" * 101},
        {"CMakeLists.txt": "#" * 101},
    ],
    rules.licence_comes_first: [
        {"base/a.cpp": "int x;"},
        {"base/a.cpp": "\n" + SPDX},
        {"base/a.cpp": ""},
        {"tools/run": "#!/bin/sh\necho\n# SPDX-License-Identifier: BSD-3-Clause"},
        {"sql/postgres/a.sql": "SELECT 1;"},
        {"base/a.cpp": "// SPDX-License-Identifier: GPL-2.0-only"},
    ],
    rules.headers_are_included_once: [
        {"base/a.hpp": "int x;"},
        {"base/a.hpp": "#ifndef GMAN_A\n#define GMAN_A\n#endif"},
        {"ext_postgres/a.h": "int x;"},
        {"base/a.hpp": "// #pragma once"},
    ],
    rules.a_source_begins_with_its_header: [
        {"base/a.hpp": "", "base/a.cpp": '#include <string>\n#include "base/a.hpp"'},
        {"base/a.hpp": "", "base/a.cpp": "int x;"},
    ],
    rules.nothing_is_left_for_later: [
        {"base/a.cpp": f"// {LATER}: later"},
        {"docs/a.md": "FIX" + "ME"},
    ],
    rules.no_machine_is_named: [
        {"docs/a.md": "cd /Users/ann/gman"},
        {"tools/a.sh": "cp x /root/y"},
        {"tools/a.sh": "ls /home/ann"},
        {"tools/a.sh": "debootstrap bookworm x http://deb.debian.org/debian"},
    ],
    rules.names_are_snake_case: [
        {"base/Job.cpp": ""},
        {"base/job-queue.cpp": ""},
        {"Base/job.cpp": ""},
        {"sql/gman--one.sql": ""},
    ],
    rules.nothing_is_dead: [
        {"base/a.cpp": "", "base/CMakeLists.txt": "add_library(base b.cpp ba.cpp)"},
        {"ext_postgres/a.c": "", "ext_postgres/Makefile": "OBJS = ba.o"},
        {"base/a.cpp": "", "base/CMakeLists.txt": "add_executable(${x} ${x}_main.cpp)"},
        {"base/a.hpp": "", "base/b.cpp": '#include "base/ba.hpp"', "CMakeLists.txt": "b.cpp"},
        {"tests/unit/a_test.py": "import a_test", "tests/b.py": "", "CMakeLists.txt": "b.py"},
    ],
    rules.links_lead_somewhere: [
        {"README.md": "see [it](docs/it.md)"},
        {"docs/a.md": "[b](b.md#part) and [c](c.md)", "docs/b.md": ""},
        {"docs/a.md": "[b](docs/b.md)", "docs/b.md": ""},
    ],
}
KEEPS = {
    rules.includes_follow_the_table: [
        {"server/engine/a.cpp": '#include "protocol/packet.hpp"\n#include "base/id.hpp"'},
        {"server/engine/a.cpp": '#include "server/engine/job.hpp"\n#include <vector>'},
        {"server/main.cpp": '#include "server/net/session.hpp"\n#include "server/config.hpp"'},
        {"server/net/a.cpp": '#include "server/config.hpp"'},
        {"client/fsm/a.cpp": "#include <gman/error.hpp>\n#include <boost/system/result.hpp>"},
        {"ext_postgres/a.c": '#include "postgres.h"\n#include "utils/guc.h"'},
        {"tests/unit/a.cpp": '#include "server/engine/job.hpp"\n#include "client/fsm/wait.hpp"'},
        {"cli/main.cpp": '// #include "server/engine/job.hpp"'},
    ],
    rules.installed_headers_stand_alone: [
        {"client/include/gman/a.hpp": "#include <vector>\n#include <gman/error.hpp>"},
        {"client/include/gman/a.h": "#include <stddef.h>"},
        {"client/fsm/a.hpp": "#include <boost/system/result.hpp>"},
    ],
    rules.state_machines_are_pure: [
        {"server/net/a.cpp": "#include <boost/asio.hpp>\nauto t = Clock::now();"},
        {"server/engine/a.cpp": "#include <chrono>\nauto t = now.steady; // Clock::now()"},
        {"server/engine/a.cpp": "auto t = job.time(0); runtime(0);"},
    ],
    rules.server_has_no_mutex: [
        {"client/blocking/a.cpp": "#include <mutex>"},
        {"server/net/a.cpp": "// A mutex here is a design error.\nint mutexes_seen;"},
    ],
    rules.lines_fit: [
        {"base/a.cpp": "x" * 100, "docs/a.md": "x" * 300, "tests/postgres/a.out": "x" * 300},
        {"base/a.cpp": "é" * 100},
    ],
    rules.licence_comes_first: [
        {"base/a.cpp": SPDX, "docs/a.md": "words", "tests/postgres/sql/a.sql": "SELECT 1;"},
        {"tools/run": "#!/bin/sh\n# SPDX-License-Identifier: BSD-3-Clause"},
        {"client/include/gman/gman.h": "/* SPDX-License-Identifier: BSD-3-Clause */"},
    ],
    rules.headers_are_included_once: [
        {"base/a.hpp": SPDX + "#pragma once\n"},
        {"client/include/gman/a.h": "#ifndef GMAN_A_H\n#define GMAN_A_H\n#endif"},
    ],
    rules.a_source_begins_with_its_header: [
        {"base/a.hpp": "", "base/a.cpp": '// why\n#include "base/a.hpp"\n#include <string>'},
        {"base/b.hpp": "", "base/a.cpp": "#include <string>"},
    ],
    rules.nothing_is_left_for_later: [
        {"tools/a.sh": "mktemp -d gman.XXXXXX"},
    ],
    rules.no_machine_is_named: [
        {"docs/a.md": "tests/home/a and ../root/b and https://www.postgresql.org/docs"},
        {"server/a.cpp": "client/home/b"},
    ],
    rules.names_are_snake_case: [
        {"base/job_queue.cpp": "", "CMakeLists.txt": "", "ext_postgres/Makefile": ""},
        {"ext_postgres/gman--0.1.0.sql": "", "ext_postgres/gman--0.1.0--0.2.0.sql": ""},
        {"docs/ARCHITECTURE.md": "", "docs/adr/0001-boost-asio.md": "", ".ci/run": "#!/bin/sh"},
    ],
    rules.nothing_is_dead: [
        {"base/a.cpp": '#include "base/a.hpp"', "base/a.hpp": "", "CMakeLists.txt": "x(a.cpp)"},
        {"ext_postgres/a.c": "", "ext_postgres/Makefile": "OBJS = a.o"},
        {"base/a_main.cpp": "", "base/CMakeLists.txt": "add_executable(${x} ${x}_main.cpp)"},
        {"tests/support/a.py": "", "tests/b_test.py": "import a", "CMakeLists.txt": "b_test.py"},
    ],
    rules.links_lead_somewhere: [
        {"README.md": "[a](docs/a.md), [all](docs/)", "docs/a.md": "[up](../README.md#use-it)"},
        {"README.md": "[out](https://example.org/a.md) [here](#use-it)"},
    ],
}


def tree_of(files):
    return {pathlib.PurePosixPath(name): text for name, text in files.items()}


class EachRule(unittest.TestCase):
    def test_is_shown_a_tree_that_breaks_it_and_one_that_keeps_it(self):
        self.assertEqual(set(BREAKS), set(rules.RULES))
        self.assertEqual(set(KEEPS), set(rules.RULES))

    def test_notices_what_breaks_it(self):
        for rule, trees in BREAKS.items():
            for files in trees:
                with self.subTest(rule=rule.__name__, files=files):
                    self.assertNotEqual(list(rule(tree_of(files))), [])

    def test_lets_pass_what_only_looks_like_it(self):
        for rule, trees in KEEPS.items():
            for files in trees:
                with self.subTest(rule=rule.__name__, files=files):
                    self.assertEqual(list(rule(tree_of(files))), [])


class TheIncludeTable(unittest.TestCase):
    def test_has_no_cycle(self):
        def reaches(layer, seen):
            for target in rules.LAYERS[layer] - seen:
                seen.add(target)
                reaches(target, seen)
            return seen

        for layer in rules.LAYERS:
            self.assertNotIn(layer, reaches(layer, set()), layer)

    def test_lists_what_it_allows_through_other_layers(self):
        for layer, allowed in rules.LAYERS.items():
            # What the store and the puller use stays their own business.
            for target in allowed - {"server/store", "server/pull"}:
                missing = rules.LAYERS[target] - allowed
                self.assertEqual(missing, set(), f"{layer} through {target}")


class TheRepository(unittest.TestCase):
    def test_keeps_the_rules(self):
        tree = {}
        for path in source_tree.files():
            try:
                tree[path] = (source_tree.ROOT / path).read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue  # test data that is meant to be no text
        self.assertGreater(len(tree), 20)
        for rule in rules.RULES:
            with self.subTest(rule=rule.__name__):
                broken = list(rule(tree))
                if broken:
                    self.fail("\n" + "\n".join(broken))


if __name__ == "__main__":
    unittest.main()
