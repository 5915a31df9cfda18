"""Serves the built page, with headers that keep foreign code out of it."""

from pathlib import Path

from aiohttp import web

from services.base.problems import Handler

PAGES = ("/", "/voice-duplex")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self' ws: wss:; worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}

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

    async def index(_: web.Request) -> web.StreamResponse:
        if folder is None:
            return web.Response(status=503, text=MISSING)
        # Hashed files may be kept for ever, the page that names them not at all.
        return web.FileResponse(folder / "index.html", headers={**HEADERS, "Cache-Control": "no-cache"})

    for path in PAGES:
        app.router.add_get(path, index)
    if folder is None:
        return
    if (folder / "assets").is_dir():
        app.router.add_static("/assets", folder / "assets")
    for file in folder.iterdir():
        if file.is_file() and file.name != "index.html":
            app.router.add_get(f"/{file.name}", _file(file))

    async def harden(_: web.Request, response: web.StreamResponse) -> None:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)

    app.on_response_prepare.append(harden)


def _file(path: Path) -> Handler:
    async def serve(_: web.Request) -> web.StreamResponse:
        return web.FileResponse(path)

    return serve
