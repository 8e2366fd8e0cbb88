# SPDX-License-Identifier: BSD-3-Clause
"""The tables that docs/PERFORMANCE.md keeps, as text: what was measured again takes the place of
what stood there of the same workload.

A text is a line about the run, and tables: a caption, whose words before the first comma or full
stop name it, and lines of which the first of each workload has its name.
"""


def with_rows(kept, measured):
    """`kept` with the rows of `measured`, and the line about its run among those of before."""
    about, tables = parse(kept)
    new_about, new_tables = parse(measured)
    for title, (caption, head, rows) in new_tables.items():
        if title not in tables:
            tables[title] = (caption, head, {})
        tables[title][2].update(rows)
    again = ", ".join(name for _, _, rows in new_tables.values() for name in rows)
    about += [f"Measured again: {again}: {new_about[0]}"]
    parts = ["\n\n".join(about)]
    for caption, head, rows in tables.values():
        lines = [line for of in rows.values() for line in of]
        parts.append("\n".join([caption, "", *head, *lines]))
    return "\n\n".join(parts) + "\n"


def parse(text):
    """What is said about runs, and title -> (caption, two lines of head, name -> lines)."""
    about, tables = [], {}
    for part in text.strip().split("\n\n"):
        lines = part.split("\n")
        if not lines[0].startswith("|"):
            about += lines
            continue
        caption = about.pop()
        rows = {}
        name = None
        for line in lines[2:]:
            name = line.split("|")[1].strip() or name
            rows.setdefault(name, []).append(line)
        tables[title_of(caption)] = (caption, lines[:2], rows)
    return about, tables


def title_of(caption):
    return caption.split(",")[0].split(".")[0]
