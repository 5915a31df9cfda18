"""The Hugging Face hub's HTTP protocol, as far as fetching a model's files goes, and each way in which it refuses.

Read off huggingface_hub 2.4 (`file_download.py`, `utils/_http.py`), which is what talks to it.
"""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = 1000
"""Bytes. The hub keeps larger files elsewhere and redirects to them."""


@dataclass
class Hub:
    """One repository, and who may read it."""

    name: str = "nvidia/personaplex-7b-v1"
    files: dict[str, bytes] = field(default_factory=dict)
    gated: bool = False
    tokens: dict[str, bool] = field(default_factory=dict)
    """Those that are valid, and whether the licence was accepted with them."""
    status: int = 200
    """Another one: the hub is ill, and answers with it."""
    is_hub: bool = True
    """Or somebody else's web server."""
    missing_bytes: int = 0
    """Of each large file, that its store has lost."""
    drops: list[int] = field(default_factory=list)
    """Bytes after which each of the next downloads breaks off."""
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Method, path, and the range that was asked for."""
    shown_to_store: list[str] = field(default_factory=list)
    """Tokens, which are none of its business."""
    endpoint: str = ""
    store: str = ""
    """Another host, where the large files are."""

    def sent(self, name: str) -> list[str | None]:
        """The ranges in which a file's content was asked for."""
        return [ranged for method, path, ranged in self.requests if method == "GET" and path.endswith(name)]


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serve the hub on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.answer()

        def answer(self) -> None:
            path = self.path.lstrip("/")
            hub.requests.append((self.command, path, self.headers.get("Range")))
            if path.startswith("store/"):
                hub.shown_to_store += self.headers.get_all("Authorization", [])
                self.content(path.removeprefix("store/"))
            elif refusal := self.refusal(path):
                self.say(*refusal)
            else:
                self.file(path.rsplit("/", 1)[1])

        def refusal(self, path: str) -> tuple[int, dict[str, str]] | None:
            """Status and headers of a request that is not granted."""
            repository, _, rest = path.partition("/resolve/")
            revision, _, name = rest.partition("/")
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            if hub.status != 200 or not hub.is_hub:
                return hub.status, {}
            if token and token not in hub.tokens:
                return 401, {"X-Error-Message": "Invalid credentials in Authorization header"}
            if repository != hub.name:
                return 404 if token else 401, {"X-Error-Code": "RepoNotFound"}
            if hub.gated and not hub.tokens.get(token):
                return 403 if token else 401, {"X-Error-Code": "GatedRepo"}
            if revision not in ("main", COMMIT):
                return 404, {"X-Error-Code": "RevisionNotFound"}
            if name not in hub.files:
                return 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}
            return None

        def file(self, name: str) -> None:
            content = hub.files[name]
            headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha256(content).hexdigest()}"'}
            if len(content) <= LARGE:
                self.say(200, headers, content)
            else:
                linked = {"X-Linked-Size": str(len(content)), "X-Linked-Etag": headers["ETag"]}
                self.say(302, headers | linked | {"Location": f"{hub.store}/{name}"})

        def content(self, name: str) -> None:
            content = hub.files[name]
            content = content[: len(content) - hub.missing_bytes]
            start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
            headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
            self.say(206 if start else 200, headers, content[start:], hub.drops.pop(0) if hub.drops else None)

        def say(
            self, status: int, headers: dict[str, str], body: bytes = b"", drop: int | None = None
        ) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body[:drop])
                self.close_connection = drop is not None

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        hub.endpoint = f"http://127.0.0.1:{server.server_port}"
        hub.store = f"http://localhost:{server.server_port}/store"
        # How long its end may take: half a second each, if not said.
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="hub")
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
