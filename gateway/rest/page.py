"""Serves the built page."""

from pathlib import Path

from aiohttp import web

from gateway.rest.headers import ASSETS
from services.base.problems import Handler

PAGES = {"/": "index.html", "/voice-duplex": "index.html", "/topology": "topology.html"}
"""By path, the file."""

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
