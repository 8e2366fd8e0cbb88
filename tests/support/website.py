# SPDX-License-Identifier: BSD-3-Clause
"""Local HTTP servers for crawl tests and for the demo.

A site answers requests on 127.0.0.1 from the threads of this process: one for each connection, kept
alive, no more HTTP than a crawler needs. It costs about as little CPU as Python can do it with,
since the demo measures the crawl and not the server.

    with StaticSite("/usr/share/doc/x/html") as site:
        crawl(site.url + "index.html")

OddSite is a small site of odd pages: everything that goes wrong on the web, once each.
"""
import pathlib
import select
import socket
import threading

TYPES = {".html": "text/html", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png",
         ".txt": "text/plain; charset=utf-8"}
REASONS = {200: "OK", 301: "Moved Permanently", 302: "Found", 404: "Not Found", 503: "Unavailable"}


class Answer:
    """A whole answer. `hangs`: the headers are sent, and then nothing more. Without `has_length` it
    ends with the connection."""

    def __init__(self, body=b"", status=200, content_type="text/html", headers=(), hangs=False,
                 has_length=True):
        body = body.encode() if isinstance(body, str) else body
        lines = [f"HTTP/1.1 {status} {REASONS[status]}",
                 f"Content-Length: {len(body)}" if has_length else "Connection: close"]
        if content_type:
            lines.append(f"Content-Type: {content_type}")
        head = "\r\n".join([*lines, *headers, "", ""]).encode("latin-1")
        self.bytes = head if hangs else head + body
        self.hangs = hangs
        self.has_length = has_length


def redirect(to, status=302):
    return Answer(status=status, headers=[f"Location: {to}"])


class Site:
    """Serves what `answer(target, agent)` returns. `requests` lists the targets that were asked."""

    def __init__(self):
        self.requests = []
        self._requested = threading.Condition()
        self._listener = None
        self._threads = []
        self._wake, self._woken = socket.socketpair()

    url = property(lambda self: f"http://127.0.0.1:{self.port}/")
    port = property(lambda self: self._listener.getsockname()[1])

    def answer(self, target, agent):
        raise NotImplementedError

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._start(self._accept)
        return self

    def __exit__(self, *_):
        self._wake.close()  # ends every thread: all of them wait for `_woken` too
        while self._threads:
            self._threads.pop().join()
        self._listener.close()
        self._woken.close()

    def _start(self, run, *arguments):
        thread = threading.Thread(target=run, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def wait_requests(self, enough, seconds=20):
        """Waits until `enough(requests)`."""
        with self._requested:
            if not self._requested.wait_for(lambda: enough(self.requests), seconds):
                raise AssertionError(f"only these were requested: {self.requests}")

    def _accept(self):
        while self._readable(self._listener):
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            self._start(self._serve, connection)

    def _readable(self, sock):
        """Waits until `sock` has something; False when the site is closing."""
        try:
            return self._woken not in select.select([sock, self._woken], [], [])[0]
        except (OSError, ValueError):
            return False

    def _serve(self, connection):
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            received = b""
            while True:
                head, end, rest = received.partition(b"\r\n\r\n")
                if end:
                    received = rest
                    if not self._send(connection, head.decode("latin-1")):
                        return
                    continue
                if not self._readable(connection):
                    return
                try:
                    more = connection.recv(65536)
                except OSError:
                    return
                if not more:
                    return
                received += more

    def _send(self, connection, head):
        """Answers one request; False when the connection is to be closed."""
        target = head.split(" ", 2)[1]
        agent = next((line.partition(":")[2].strip() for line in head.split("\r\n")
                      if line.lower().startswith("user-agent:")), "")
        with self._requested:
            self.requests.append(target)
            self._requested.notify_all()
        answer = self.answer(target, agent)
        try:
            connection.sendall(answer.bytes)
        except OSError:
            return False
        if answer.hangs:
            self._readable(connection)  # until the other side gives up or the site closes
        return answer.has_length and not answer.hangs


class StaticSite(Site):
    """The files of a directory. What was asked for once is kept in memory."""

    def __init__(self, directory):
        super().__init__()
        self.directory = pathlib.Path(directory).resolve()
        self._answers = {}

    def answer(self, target, agent):
        name = target.partition("?")[0].lstrip("/") or "index.html"
        if name not in self._answers:
            self._answers[name] = self._read(name)
        return self._answers[name]

    def _read(self, name):
        path = (self.directory / name).resolve()
        if not path.is_relative_to(self.directory) or not path.is_file():
            return Answer("<title>Not found</title>", status=404)
        return Answer(path.read_bytes(),
                      content_type=TYPES.get(path.suffix, "application/octet-stream"))


class OddSite(Site):
    """Odd pages, all linked from index.html. `expected` says what their rows end as:
    target -> (status, beginning of the reason or None)."""

    big_bytes = 10 << 20

    def __init__(self):
        super().__init__()
        page = self._page
        self.pages = {
            "/robots.txt": Answer("User-agent: *\nDisallow: /forbidden\nAllow: /forbidden/but\n",
                                  content_type="text/plain"),
            "/index.html": page(
                "Start", "Here it starts, with platypus.",
                "plain.html", "plain.html#part", "./plain.html", "/plain.html?", "empty.html",
                "latin1.html", "badbytes.html", "utf16.html", "missing.html", "broken.html",
                "moved.html", "away.html", "loop-a.html", "endless/0", "hang.html", "big.html",
                "huge.html", "picture.png", "text.txt", "noindex.html", "forbidden/secret.html",
                "forbidden/but/this.html", "http://elsewhere.example/", "mailto:a@b.example",
                "javascript:void(0)", "http://[broken/", "#top"),
            "/plain.html": page("Plain", "A plain page that mentions a wombat and a platypus.",
                                "index.html", "deep.html", "plain.html"),
            "/deep.html": page("Deep", "The bottom, with an axolotl.", "too-deep.html",
                               "latin1.html"),
            "/too-deep.html": page("Too deep", "Nobody comes here."),
            "/empty.html": Answer(""),
            "/latin1.html": Answer("<title>Crème brûlée</title><p>flambée".encode("latin-1"),
                                   content_type="text/html; charset=ISO-8859-1"),
            "/badbytes.html": Answer(b"<meta charset=utf-8><title>Bad \xff\xfe\x00 bytes</title>"
                                     b"<p>kookaburra \xc3\x28 sings"),
            "/utf16.html": Answer("\ufeff<title>Wide</title><p>Zwei Bytes für jedes Zeichen: "
                                  "ornithorynque".encode("utf-16-le")),
            "/broken.html": Answer("no", status=503),
            "/moved.html": redirect("hop.html"),
            "/hop.html": redirect("/target.html", status=301),
            "/target.html": page("Target", "Where the redirect leads: quokka."),
            "/away.html": redirect("http://elsewhere.example/x"),
            "/loop-a.html": redirect("loop-b.html"),
            "/loop-b.html": redirect("loop-a.html"),
            "/hang.html": Answer("never sent", hangs=True),
            "/big.html": Answer(b"<title>Big</title>" + b"x" * self.big_bytes),
            "/huge.html": Answer(b"<title>Huge</title>" + b"x" * self.big_bytes, has_length=False),
            "/picture.png": Answer(b"\x89PNG", content_type="image/png"),
            "/text.txt": Answer("plain text", content_type="text/plain"),
            "/noindex.html": page("Hidden", "A numbat that wants no reader.", "behind.html")
            .with_meta("noindex"),
            "/behind.html": page("Behind", "Linked from a hidden page: bilby."),
            "/chain-0.html": page("Chain 0", "A chain of pages.", "chain-1.html"),
            "/chain-1.html": page("Chain 1", "A chain of pages.", "chain-2.html"),
            "/chain-2.html": page("Chain 2", "A chain of pages.", "chain-3.html"),
            "/chain-3.html": page("Chain 3", "A chain of pages.", "chain-4.html"),
            "/chain-4.html": page("Chain 4", "A chain of pages."),
            "/shortcut.html": page("Shortcut", "To the middle of a chain.", "chain-2.html"),
            "/forbidden/secret.html": page("Secret", "Nobody may read this."),
            "/forbidden/but/this.html": page("Allowed", "The longer rule lets you read this."),
        }

    expected = {
        "/index.html": ("indexed", None),
        "/plain.html": ("indexed", None),
        "/plain.html?": ("indexed", None),
        "/deep.html": ("indexed", None),
        "/empty.html": ("indexed", None),
        "/latin1.html": ("indexed", None),
        "/badbytes.html": ("indexed", None),
        "/utf16.html": ("indexed", None),
        "/missing.html": ("failed", "HTTP 404"),
        "/broken.html": ("failed", "HTTP 503"),
        "/moved.html": ("skipped", "redirect to "),
        "/target.html": ("indexed", None),
        "/away.html": ("skipped", "off-site redirect"),
        "/loop-a.html": ("failed", "redirect loop"),
        "/endless/0": ("failed", "more than 5 redirects"),
        "/hang.html": ("failed", "timeout after "),
        "/big.html": ("failed", "larger than "),
        "/huge.html": ("failed", "larger than "),
        "/picture.png": ("skipped", "not HTML: image/png"),
        "/text.txt": ("skipped", "not HTML: text/plain"),
        "/noindex.html": ("skipped", "noindex"),
        "/behind.html": ("indexed", None),
        "/forbidden/but/this.html": ("indexed", None),
    }

    def answer(self, target, agent):
        if target.startswith("/endless/"):
            return redirect(str(int(target.removeprefix("/endless/")) + 1))
        if target == "/plain.html?":
            target = "/plain.html"
        return self.pages.get(target) or Answer("<title>Not found</title>", status=404)

    @staticmethod
    def _page(title, text, *links):
        return _Page(title, text, links)


class _Page(Answer):
    def __init__(self, title, text, links, meta=""):
        self._parts = (title, text, links)
        anchors = "".join(f'<p><a href="{link}">to {i}</a></p>' for i, link in enumerate(links))
        super().__init__(f"<!DOCTYPE html><html><head><title>{title}</title>{meta}</head>"
                         f"<body><h1>{title}</h1><p>{text}</p>{anchors}</body></html>")

    def with_meta(self, robots):
        return _Page(*self._parts, meta=f'<meta name="robots" content="{robots}">')
