"""Serves the built page, with headers that keep foreign code out of it."""

import re
from pathlib import Path

from aiohttp import web

from services.base.problems import Handler

PAGES = {"/": "index.html", "/voice-duplex": "index.html", "/topology": "topology.html"}
"""By path, the file."""

CONTENT_SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self' ws://{host} wss://{host}; worker-src 'self' blob:; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}

HOST = re.compile(r"[\w.:\[\]-]+")

ASSETS = "/assets"
FOR_EVER = "public, max-age=31536000, immutable"
"""Hashed files may be kept for ever, the page that names them not at all."""

MISSING = (
    "The page is not built. In a checkout `make run` builds it (or: npm ci && npm run build, in web/). "
    "The gateway itself is up: its REST is described at /openapi.json.\n"
)


def find_page(given: Path | None) -> Path | None:
    """The folder of the built page: `given`, the one inside the package, or the checkout's."""
    root = Path(__file__).parents[1]
    folders = [given] if given else [root / "page", root.parent / "web" / "dist"]
    return next((folder for folder in folders if (folder / "index.html").is_file()), None)


def add_page(app: web.Application, folder: Path | None) -> None:
    """Serve the page's files; a sentence where there are none."""

    async def harden(request: web.Request, response: web.StreamResponse) -> None:
        host = request.host if HOST.fullmatch(request.host) else "localhost"
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY.format(host=host)
        response.headers.update(HEADERS)
        if request.path.startswith(f"{ASSETS}/") and response.status == 200:
            response.headers["Cache-Control"] = FOR_EVER

    app.on_response_prepare.append(harden)
    for path, name in PAGES.items():
        app.router.add_get(path, _page(folder, name))
    if folder is None:
        return
    if (folder / "assets").is_dir():
        app.router.add_static(ASSETS, folder / "assets")
    for file in folder.iterdir():
        if file.is_file() and file.name not in PAGES.values():
            app.router.add_get(f"/{file.name}", _file(file))


def _page(folder: Path | None, name: str) -> Handler:
    async def serve(_: web.Request) -> web.StreamResponse:
        if folder is None:
            return web.Response(status=503, text=MISSING)
        return web.FileResponse(folder / name, headers={"Cache-Control": "no-cache"})

    return serve


def _file(path: Path) -> Handler:
    async def serve(_: web.Request) -> web.StreamResponse:
        return web.FileResponse(path)

    return serve
