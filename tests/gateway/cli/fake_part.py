"""A part for the tests of processes: ready at once, and as ill-behaved as its arguments say.

usage: fake_part.py NAME PORT STORY [stubborn] [with-worker] [dies=STATUS] [dies-once=FILE]
"""

import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

name, port, story, *manners = sys.argv[1:]
options = dict(manner.partition("=")[::2] for manner in manners)


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def tell(what: str) -> None:
    with Path(story).open("a") as file:
        file.write(f"{name} {what}\n")
    print(what, flush=True)


def on_signal(*_: object) -> None:
    tell("was asked to stop")
    if "stubborn" not in options:
        threading.Thread(target=server.shutdown).start()


signal.signal(signal.SIGTERM, on_signal)
if "with-worker" in options:
    worker = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    tell(f"has worker {worker.pid}")
if "dies" in options:
    tell("cannot go on")
    sys.exit(int(options["dies"]))
with ThreadingHTTPServer(("127.0.0.1", int(port)), Ready) as server:
    tell("started")
    server.serve_forever()
