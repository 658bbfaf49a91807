"""The viewer's routes beside Dash's: ``/api``, ``/assets/page.mjs``, ``/panels/NAME.mjs``, socket ``/ws/v1/stream``.

``Hub`` knows the answers; this is HTTP: threads, caching, and whose movie it is.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from neurosim.errors import NeurosimError
from neurosim.viewer.web.limits import Limits
from neurosim.viewer.web.stream import stream_route
from neurosim.viewer.web.tickets import Login
from neurosim.viewer.web.workers import Workers

if TYPE_CHECKING:
    from neurosim.viewer.answers import Answer
    from neurosim.viewer.hub import Hub
    from neurosim.viewer.web.panels.panel import Panel

IMMUTABLE = "private, max-age=31536000, immutable"
"""For what cannot change while its cookie lives; ``Vary: Cookie`` keeps it from other simulations at this address."""


def _job_of(answer: Answer) -> str | None:
    """Return the number of the movie that an answer announces."""
    try:
        job = json.loads(answer.body).get("job")
    except (ValueError, AttributeError):
        return None
    return job if isinstance(job, str) else None


class Api:
    """``/api/{path}``: an endpoint that asks a ``Hub``.

    Parameters
    ----------
    hub : Hub
    workers : Workers
    """

    def __init__(self, hub: Hub, workers: Workers) -> None:
        self._hub, self._workers = hub, workers

    async def __call__(self, request: Any) -> Any:
        """Answer a GET or POST."""
        from starlette.responses import JSONResponse, Response

        path, login = f"/api/{request.path_params['path']}", request.state.login
        if path.startswith("/api/movie/") and not login.owns(path.removeprefix("/api/movie/")):
            return JSONResponse({"error": "no such movie"}, 404)
        body = await request.body() if request.method == "POST" else None
        query = dict(request.query_params)
        try:
            answer = await self._workers.run(self._hub.answer, path, query, body)
        except NeurosimError as error:
            return JSONResponse({"error": str(error)}, 400)
        except Exception:
            logging.getLogger(__name__).exception("%s failed", path)
            return JSONResponse({"error": "the server failed; its log says why"}, 500)
        self._own(path, login, answer)
        headers = _download(answer.media_type, path)
        if answer.immutable and answer.status == 200:
            tag = f'"{hashlib.sha256(answer.body).hexdigest()[:24]}"'
            headers |= {"cache-control": IMMUTABLE, "vary": "Cookie", "etag": tag}
            if request.headers.get("if-none-match") == tag:
                return Response(None, 304, headers)
        return Response(answer.body, answer.status, headers, media_type=answer.media_type)

    def _own(self, path: str, login: Login, answer: Answer) -> None:
        """Remember whose movie it is."""
        if path == "/api/movie" and answer.status < 300:
            job = _job_of(answer)
            if job is not None:
                login.own(job)


def _download(media_type: str, path: str) -> dict[str, str]:
    """Return the headers that make a movie a file, not a page."""
    if media_type != "video/mp4":
        return {}
    return {"content-disposition": 'attachment; filename="neurosim.mp4"'}


def viewer_routes(hub: Hub, panels: Sequence[Panel], workers: Workers, streamers: Workers, limits: Limits) -> list[Any]:
    """Return the routes, for Starlette."""
    from starlette.responses import PlainTextResponse, Response
    from starlette.routing import Route, WebSocketRoute

    from neurosim.viewer.web.page import module_of, page_module

    async def panel(request: Any) -> Any:
        text = await workers.run(module_of, panels, request.path_params["name"])
        if text is None:
            return PlainTextResponse("no such panel", 404)
        return Response(text, media_type="text/javascript")

    async def whole(request: Any) -> Any:
        text, name = page_module()
        kept = IMMUTABLE if request.query_params.get("v") == name else "no-cache"
        return Response(text, headers={"cache-control": kept}, media_type="text/javascript")

    return [
        Route("/api/{path:path}", Api(hub, workers).__call__, methods=["GET", "POST"], name="api"),
        Route("/assets/page.mjs", whole, methods=["GET"], name="page"),
        Route("/panels/{name}.mjs", panel, methods=["GET"], name="panel"),
        WebSocketRoute("/ws/v1/stream", stream_route(hub, streamers, limits), name="stream"),
    ]
