"""The headers of every answer, errors included: what browsers must not do with what comes from here."""

import re

from aiohttp import web

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
    "Cross-Origin-Resource-Policy": "same-origin",
}

HSTS = "max-age=86400"
"""A day: it binds every port of the host's name, other people's services included, and can't be called back."""

HOST = re.compile(r"[\w.:\[\]-]+", re.ASCII)

ASSETS = "/assets"
FOR_EVER = "public, max-age=31536000, immutable"
"""Hashed files may be kept for ever, the page that names them not at all, and what was said nowhere."""


def add_headers(app: web.Application, hsts: bool = True) -> None:
    """Have `app` send them.

    Args:
        hsts: over TLS, bind browsers to it. Who is bound can accept no warning about the certificate.
    """

    async def harden(request: web.Request, response: web.StreamResponse) -> None:
        host = request.host if HOST.fullmatch(request.host) else "localhost"
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY.format(host=host)
        response.headers.update(HEADERS)
        if hsts and request.secure:
            response.headers["Strict-Transport-Security"] = HSTS
        if request.path.startswith(f"{ASSETS}/") and response.status == 200:
            response.headers["Cache-Control"] = FOR_EVER
        else:
            response.headers.setdefault("Cache-Control", "no-store")

    app.on_response_prepare.append(harden)
