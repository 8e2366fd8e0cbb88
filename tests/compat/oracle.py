# SPDX-License-Identifier: BSD-3-Clause
"""Plays a script to Debian's gearmand and to gmand and writes down what each of them answers.

A script (oracle/*.txt) is a row of scenarios. Each of them is played to fresh servers, one step
after the other, and below each step stands what came of it, at every peer:

    == joins a queued job by its unique
    options --job-retries 2              # of both; `gearmand options`, `gmand options`: of one
    c > SUBMIT_JOB_BG f u1 first         # a peer, named by its first mention, sends a packet
        c < JOB_CREATED <1>              # <1> is the first handle that this server gave
    w > CAN_DO f ; GRAB_JOB ; | status   # several in one write; an admin line after the bar
        w < JOB_ASSIGN <1> f first
        w < "f\\t1\\t1\\t1\\n"
        w < ".\\n"
    c > SUBMIT_JOB_BG f 64*x a ; SUBMIT_JOB_BG f 64*x b
        c < JOB_CREATED <2>
        gearmand: c < JOB_CREATED <3>    # from here on they differ, and this row of
        gmand: c < JOB_CREATED <2>       # docs/PROTOCOL.md, section 10, says why
        because "a 64-byte unique never coalesces"

`quick` beside the options: see QUICK_SECONDS. Further steps: `w disconnects`, `c connects`, and
`c > raw "bytes"`. Before any step, `until "text"` takes it again until its answer holds the text,
or what the text matches as a shell does; of several tries, only the last one's answer is written
down. `unsure` forgets whether gearmand closed the peer: after some requests it does so or not, as
its threads happen to run. A number in place of a packet's name is a type of that number, and
RES:NAME has the magic of a response. Words may be quoted by ', have the escapes \\0 \\n \\r \\t
\\\\ \\xNN, and N*x is N times x. What must differ is made equal: handles, pids, versions and
descriptors, and the order of a list's rows.

Run as a program, it prints the scripts with what the servers answer now:

    GMAN_BUILD_DIR=build/release PYTHONPATH=tests/support python3 tests/compat/oracle.py FILE…
"""
import contextlib
import dataclasses
import fnmatch
import re
import select
import socket
import struct
import sys
import time

import wire
from gearmand import Gearmand
from gmand import Gmand

# gmand wakes another worker when the woken one is silent for 50 ms. A scenario that is `quick`
# holds only when it was played in less; a slower playing says nothing and is done again.
QUICK_SECONDS = 0.04
QUICK_TRIES_MAX = 50
UNTIL_SECONDS = 15
# A server that has swallowed a question is asked again, and is deaf after that many questions.
ANSWER_SECONDS = 0.25
QUESTIONS_MAX = 12

NAMES = {number: name for name, number in vars(wire).items()
         if isinstance(number, int) and number in wire.ARGUMENTS}
TYPES = {name: number for number, name in NAMES.items()}
ESCAPES = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", '"': '"', "*": "*"}


class ScriptError(Exception):
    """The script says what cannot be played."""


def unescaped(word):
    """The bytes that a word of a script means, handles aside."""
    if re.fullmatch(r"'.*'", word, re.DOTALL):
        word = word[1:-1]
    word = re.sub(r"(\d+)\*([^*\s])", lambda m: m[2] * int(m[1]), word)
    word = re.sub(r"\\(x[0-9a-f]{2}|.)",
                  lambda m: chr(int(m[1][1:], 16)) if len(m[1]) == 3 else ESCAPES[m[1]], word)
    return word.encode("latin-1")


def escaped(data):
    """Bytes as a script has them. No two byte strings look the same."""
    text = data.decode("latin-1").replace("\\", "\\\\").replace("*", "\\*")
    for letter, char in (("0", "\0"), ("n", "\n"), ("r", "\r"), ("t", "\t")):
        text = text.replace(char, "\\" + letter)
    text = re.sub(r"[^\x20-\x7e]", lambda m: f"\\x{ord(m[0]):02x}", text)
    return re.sub(r"([a-z])\1{19,}", lambda m: f"{len(m[0])}*{m[1]}", text)


def quoted(data):
    text = escaped(data)
    return f"'{text}'" if text == "" or " " in text else text


class Playing:
    """One scenario on one server: its peers, its handles, and what happened in this step."""

    def __init__(self, server):
        self.server = server
        self.peers = {}
        self.handles = []
        self.happened = []

    def close(self):
        for peer in self.peers.values():
            peer.socket.close()

    def peer(self, name):
        if name not in self.peers:
            self.peers[name] = OraclePeer(self, name)
        return self.peers[name]

    def settle(self, first):
        """Until every peer has been told what the step had to tell it: the answer to a question
        comes behind that. The one who acted goes first, so that what it did has been done."""
        first.settle()
        for peer in list(self.peers.values()):
            if peer is not first:
                peer.settle()

    def with_handles(self, data):
        """A script's <1>, <2>, … as this server's handles."""
        def handle(match):
            number = int(match[1])
            if number > len(self.handles):
                raise ScriptError(f"there is no handle <{number}> yet")
            return self.handles[number - 1]
        return re.sub(rb"<(\d+)>", handle, data)

    def without_handles(self, data):
        def alias(match):
            if match[0] in self.handles:
                return b"<%d>" % (self.handles.index(match[0]) + 1)
            return match[0]
        return re.sub(rb"H:[A-Za-z0-9._:-]*:\d+", alias, data)


class OraclePeer:
    def __init__(self, playing, name):
        self.playing = playing
        self.name = name
        self.socket = wire.connect(playing.server.address)
        self.received = bytearray()
        self.questions = 0
        self.is_open = True

    def note(self, text):
        self.playing.happened.append(f"{self.name} {text}")

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # that it is closed is noted when reading

    def settle(self):
        first = self.questions
        while self.is_open and self.questions < first + QUESTIONS_MAX:
            self.send(wire.encode(wire.ECHO_REQ, f"~{self.questions}"))
            self.questions += 1
            if self.read_until(lambda answer: answer >= first, ANSWER_SECONDS):
                return
        if self.is_open:
            self.note("is not answered")
            self.is_open = False

    def disconnect(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
        self.read_until(lambda answer: False, UNTIL_SECONDS)
        self.socket.close()
        del self.playing.peers[self.name]

    def read_until(self, is_last, seconds):
        """Notes what comes. True: a question's answer came that `is_last`; False: time is up, or
        the server closed."""
        until = time.monotonic() + seconds
        while True:
            while (unit := self.next_unit()) is not None:
                answer = self.note_unit(unit)
                if answer is not None and is_last(answer):
                    return True
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return False
            try:
                data = self.socket.recv(1 << 20)
            except ConnectionError:
                data = b""
            if not data:
                if self.received:
                    self.note("< a part of a packet: " + escaped(bytes(self.received)))
                self.note("is closed")
                self.is_open = False
                return False
            self.received += data

    def next_unit(self):
        """A packet or a line, taken out of what was received; None when there is no whole one."""
        if self.received[:1] == b"\0":
            if len(self.received) < 12:
                return None
            size = 12 + struct.unpack(">I", self.received[8:12])[0]
            if len(self.received) < size:
                return None
        else:
            size = self.received.find(b"\n") + 1
            if size == 0:
                return None
        unit = bytes(self.received[:size])
        del self.received[:size]
        return unit

    def note_unit(self, unit):
        """The number of the question that this answers, or None after noting what it is."""
        if unit[:1] != b"\0":
            line = self.playing.without_handles(unit)
            line = re.sub(rb"^OK %d\n$" % self.playing.server.pid, b"OK PID\n", line)
            line = re.sub(rb"^OK \d+\.\d+\.\d+(\+\w+)?\n$", b"OK VERSION\n", line)
            line = re.sub(rb"^\d+ 127\.0\.0\.1 ", b"FD 127.0.0.1 ", line)
            self.note(f'< "{escaped(line)}"')
            return None
        kind, body = struct.unpack(">I", unit[4:8])[0], unit[12:]
        question = re.fullmatch(rb"~(\d+)", body)
        if kind == wire.ECHO_RES and question:
            return int(question[1])
        if kind == wire.JOB_CREATED and body not in self.playing.handles:
            self.playing.handles.append(body)
        body = self.playing.without_handles(body)
        words = [NAMES.get(kind, str(kind))]
        if unit[:4] != wire.RES:
            words.insert(0, "magic " + quoted(unit[:4]))
        count = wire.ARGUMENTS.get(kind, 1)
        if count == 0 and body:
            words.append("with a body: ")
        if count or body:
            words += [quoted(argument) for argument in body.split(b"\0", max(count - 1, 0))]
        self.note("< " + " ".join(words))
        return None


@dataclasses.dataclass
class Step:
    """What the script says, and below it what was there before."""
    text: str
    answers: list = dataclasses.field(default_factory=list)
    reasons: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Scenario:
    title: str
    line: int
    options: dict = dataclasses.field(default_factory=lambda: {Gearmand: [], Gmand: []})
    is_quick: bool = False
    steps: list = dataclasses.field(default_factory=list)


def parse(text):
    """A script's scenarios. Steps keep blank lines and comments, so that a script can be written
    down again: those are steps that nothing comes of."""
    scenarios = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("== "):
            scenarios.append(Scenario(line[3:], number))
        elif not scenarios:
            scenarios.append(Scenario("", number, steps=[Step(line)]))
        elif line.startswith("    because "):
            scenarios[-1].steps[-1].reasons.append(line.strip().partition(" ")[2].strip('"'))
        elif line.startswith("    "):
            scenarios[-1].steps[-1].answers.append(line.strip())
        else:
            scenarios[-1].steps.append(Step(line))
            of_both, _, options = line.partition("options ")
            for server, name in ((Gearmand, "gearmand "), (Gmand, "gmand ")):
                if options and of_both in ("", name):
                    scenarios[-1].options[server] += options.split()
            scenarios[-1].is_quick |= line == "quick"
    return scenarios


def is_event(step):
    is_remark = re.match("#|(gearmand |gmand )?options ", step.text)
    return step.text not in ("", "quick") and not is_remark


def unit_of(playing, text):
    """The bytes of one packet, admin line, or whatever a raw one is."""
    if text.startswith("|"):
        return playing.with_handles(unescaped(text[1:].strip(" "))) + b"\n"
    words = re.findall(r"'[^']*'|\S+", text)
    if words[0] == "raw":
        return unescaped(text.partition(" ")[2].strip().strip('"'))
    magic = wire.REQ
    if words[0].startswith("RES:"):
        words[0], magic = words[0][4:], wire.RES
    kind = TYPES.get(words[0]) if not words[0].isdigit() else int(words[0])
    if kind is None:
        raise ScriptError(f"no packet is called {words[0]}")
    arguments = [playing.with_handles(unescaped(word)) for word in words[1:]]
    return wire.encode(kind, *arguments, magic=magic)


def take(playing, text):
    """One step, once: the peer that took it, after everybody was told what came of it."""
    name, _, deed = text.partition(" ")
    if deed == "disconnects":
        playing.peer(name).disconnect()
        for peer in list(playing.peers.values()):
            peer.settle()
        return
    peer = playing.peer(name)
    if deed.startswith("> "):
        units = deed[2:].split(" ; ")
        peer.send(b"".join(unit_of(playing, unit.strip()) for unit in units))
    elif deed != "connects":
        raise ScriptError(f"no such step: {text}")
    playing.settle(peer)


def play_step(playing, text):
    """What came of it, at every peer."""
    if text.startswith("unsure "):
        text = text.partition(" ")[2]
        happened = play_step(playing, text)
        closed = text.partition(" ")[0] + " is closed"
        is_gearmand = isinstance(playing.server, Gearmand)
        return [line for line in happened if not (is_gearmand and line == closed)]
    wanted = re.match(r'until "([^"]*)" ', text)
    if not wanted:
        playing.happened = []
        take(playing, text)
        return playing.happened
    text = text[wanted.end():]
    name = text.partition(" ")[0]
    others = []
    until = time.monotonic() + UNTIL_SECONDS
    while True:
        playing.happened = []
        take(playing, text)
        others += [line for line in playing.happened if not line.startswith(name + " ")]
        own = [line for line in playing.happened if line.startswith(name + " ")]
        if any(fnmatch.fnmatchcase(line, f"*{wanted[1]}*") for line in own):
            return own + others
        if time.monotonic() > until:
            return own + others + [f"(never {wanted[1]})"]
        time.sleep(0.005)


def with_lists_sorted(answers):
    """Rows of a list that ends with "." stand in no order that both servers share."""
    done, rows = [], []
    for line in answers:
        if re.search(r'^\w+ < ".*\\n"$', line):
            if line.endswith(' < ".\\n"'):
                done += sorted(rows)
                rows = []
                done.append(line)
            else:
                rows.append(line)
        else:
            done += rows + [line]
            rows = []
    return done + rows


def play(server, scenario):
    """What came of each step, on that server."""
    for _ in range(QUICK_TRIES_MAX if scenario.is_quick else 1):
        with server(*scenario.options[server]) as running:
            playing = Playing(running)
            started = time.monotonic()
            try:
                answers = [
                    with_lists_sorted(play_step(playing, step.text)) if is_event(step) else []
                    for step in scenario.steps]
            finally:
                playing.close()
            if not scenario.is_quick or time.monotonic() - started < QUICK_SECONDS:
                return answers
    raise AssertionError(f"«{scenario.title}» was never played within {QUICK_SECONDS} s: "
                         "this machine is too busy to tell")


def compare(scenario):
    """The scenario as it should be written: with what both servers answer now, and with the
    reasons that it has for the steps where they differ."""
    by_gearmand, by_gmand = play(Gearmand, scenario), play(Gmand, scenario)
    compared = dataclasses.replace(scenario, steps=[])
    for step, his, ours in zip(scenario.steps, by_gearmand, by_gmand):
        answers, reasons = ours, []
        if his != ours:
            # What both begin with is said once.
            same = 0
            while his[same:same + 1] == ours[same:same + 1] and same < len(his):
                same += 1
            answers = (his[:same] + [f"gearmand: {line}" for line in his[same:]] +
                       [f"gmand: {line}" for line in ours[same:]])
            reasons = step.reasons or ["?"]
        compared.steps.append(Step(step.text, answers, reasons))
    return compared


def written(scenario):
    lines = [f"== {scenario.title}"] if scenario.title else []
    for step in scenario.steps:
        lines.append(step.text)
        lines += [f"    {line}" for line in step.answers]
        lines += [f'    because "{reason}"' for reason in step.reasons]
    return lines


def main():
    for name in sys.argv[1:]:
        with open(name, encoding="utf-8") as file:
            for scenario in parse(file.read()):
                print("\n".join(written(compare(scenario) if scenario.title else scenario)),
                      flush=True)


if __name__ == "__main__":
    main()
