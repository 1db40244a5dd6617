"""A server on this machine that does everything wrong that a server can."""

import contextlib
import hashlib
import http.server
import random
import re
import threading
import time

CONTENT = b"\x89HDF\r\n" + random.Random(5).randbytes(300_000)
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT from 127.0.0.1; `faults` say what goes wrong, one for each request, then nothing."""

    daemon_threads = True

    def __init__(self):
        self.faults, self.asked, self.content, self.tag = [], [], CONTENT, '"one"'
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/weights.h5"

    def handle_error(self, *_):
        """A reader who hangs up is none."""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.asked.append(self.headers.get("Range"))
        fault = server.faults.pop(0) if server.faults else {}
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range", server.tag) == server.tag
        start = int(wanted[1]) if wanted and same and not fault.get("ignores_range") else 0
        if fault.get("silent"):
            time.sleep(fault["silent"])
        if fault.get("nothing"):
            self.close_connection = True
            return
        content = fault.get("content", server.content)
        status = fault.get("status", 206 if start else 200)
        body = fault.get("body", content[start + fault.get("shift", 0) :])
        self.send_response(status)
        self.send_header("Content-Type", fault.get("type", "application/octet-stream"))
        if not fault.get("no_length"):
            self.send_header("Content-Length", str(fault.get("length", len(body))))
        if "location" in fault:
            self.send_header("Location", fault["location"])
        if server.tag:
            self.send_header("ETag", server.tag)
        if status == 206:
            first = start + fault.get("shift", 0)
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        for byte in body[:20] if "drip" in fault else b"":
            self.wfile.write(bytes([byte]))
            time.sleep(fault["drip"])
        self.wfile.write(body[: fault.get("drops_after", len(body))])
        self.wfile.flush()
        if "stalls" in fault:
            time.sleep(fault["stalls"])

    def log_message(self, *_):
        """Say nothing: what the tests read on stderr is the helpers' own."""


@contextlib.contextmanager
def serving():
    """A Server at work."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
