"""``Hub``: one source, its clients, and the answers to everything that is asked under ``/api``.

HTTP and Jupyter both ask ``Hub.answer``, so that checks and limits are written once. Answers are bytes with a status;
what is wrong is JSON ``{"error": text}``. Pictures and movies are made elsewhere (``Studio``), one at a time.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from neurosim.errors import MissingExtraError, NeurosimError
from neurosim.viewer import wire
from neurosim.viewer.answers import (
    MOST_CELLS,
    MOST_SPIKES,
    MOST_VALUES,
    Answer,
    Query,
    Refusal,
    as_json,
    binary,
    body_of,
)
from neurosim.viewer.client import VOLTAGE_NODES, Client
from neurosim.viewer.messages import MOST_TRACES
from neurosim.viewer.node_counts import NodeCounts
from neurosim.viewer.scene.scene import NO_TEMPLATE
from neurosim.viewer.scene.skeleton import LEVELS_N
from neurosim.viewer.source import Source
from neurosim.viewer.studio import Studio
from neurosim.viewer.warm import warm_up
from neurosim.viewer.wire import WireError
from neurosim.viewer.world_wire import field_bytes, key_of, rows_bytes

MOST_BINS = 5000
MOST_TEMPLATES, MOST_TOGETHER_BYTES = 64, 2 << 20
"""Of one answer with several templates; one that is larger by itself is given alone."""
MOST_WORLD_ROWS = 4000


class Hub:
    """Everything clients can ask of one source.

    Parameters
    ----------
    source : Source
        What is watched; closed with the hub.

    Attributes
    ----------
    key : str
        Random; part of the addresses of what may be cached for ever, so that another scene at the same port is not
        mistaken for this one.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.key = secrets.token_urlsafe(8)
        self.studio = Studio(source)
        self._nodes = NodeCounts(source.scene)
        self._warming = warm_up(source.scene)
        self._routes: dict[str, Callable[[list[str], Query, bytes | None], Answer]] = {
            "scene": self._scene, "node": self._node, "template": self._template, "templates": self._templates,
            "cell": self._cell,
            "cells": self._cells, "members": self._members, "select": self._select, "spikes": self._spikes,
            "rates": self._rates, "trace": self._trace, "still": self._still, "movie": self._movie,
            "world": self._world,
        }  # fmt: skip

    def client(self, *, patient_s: float | None = None) -> Client:
        """Return a new client."""
        return _Guest(self, patient_s)

    def replace(self, source: Source) -> None:
        """Show another source from now on; clients of the old one, which is closed, are told at their next turn."""
        old, studio = self.source, self.studio
        self.studio, self._nodes = Studio(source), NodeCounts(source.scene)
        self.source, self.key = source, secrets.token_urlsafe(8)
        studio.close()
        old.close()

    def answer(self, path: str, query: Mapping[str, str], body: bytes | None = None) -> Answer:
        """Return the answer to a request.

        Parameters
        ----------
        path : str
            From the root: ``/api/node/7``.
        query : mapping
            Parameters of the address.
        body : bytes, optional
            Of a POST.
        """
        parts = path.strip("/").split("/")
        try:
            if len(parts) < 2 or parts[0] != "api" or parts[1] not in self._routes:
                raise Refusal(404, f"nothing is at {path[:100]!r}")
            return self._routes[parts[1]](parts[2:], Query(query), body)
        except Refusal as refusal:
            return as_json({"error": str(refusal)}, refusal.status)
        except MissingExtraError as error:
            return as_json({"error": str(error)}, 501)
        except NeurosimError as error:
            return as_json({"error": str(error)}, 422)

    # --- the scene --------------------------------------------------------------------------------------------------

    def _scene(self, rest: list[str], query: Query, body: bytes | None) -> Answer:
        query.parts(rest, 0)
        scene, status = self.source.scene, self.source.status()
        return as_json(
            {
                "title": scene.title, "n": scene.n, "box_um": scene.octree.box_um.tolist(), "key": self.key,
                "kinds": [{"population": k.population, "facts": k.facts} for k in scene.kinds],
                "templates_n": scene.templates_n, "node_sets": list(scene.node_sets), "notices": list(scene.notices),
                "spikes_n": status.spikes_n, "world": self.source.world(status.start_ms) is not None,
                **self.source.describe(), "start_ms": status.start_ms, "stop_ms": status.stop_ms,
                "limits": {
                    "voltage_nodes": VOLTAGE_NODES, "traces": MOST_TRACES, "cells": MOST_CELLS, "spikes": MOST_SPIKES,
                },
            }
        )  # fmt: skip

    def _node(self, rest: list[str], query: Query, body: bytes | None) -> Answer:
        query.parts(rest, 1)
        scene = self.source.scene
        node = query.place(rest[0], len(scene.octree), "node")
        data = wire.cells_bytes(node, scene.cells(scene.octree.ranks(node)))
        return binary(data, immutable=query.get("v") == self.key)

    def _template(self, rest: list[str], query: Query, body: bytes | None) -> Answer:
        query.parts(rest, 2)
        return binary(self._skeleton(rest[0], rest[1], query), immutable=query.get("v") == self.key)

    def _templates(self, rest: list[str], query: Query, body: bytes | None) -> Answer:
        """Answer ``/api/templates/3.0-3.1-7.2`` (template.level) with as many of the first as fit, at least one."""
        query.parts(rest, 1)
        asked = [item.partition(".") for item in rest[0].split("-")]
        if len(asked) > MOST_TEMPLATES:
            raise Refusal(413, f"{len(asked):,} templates; at most {MOST_TEMPLATES} are given at a time")
        found: list[bytes] = []
        left = MOST_TOGETHER_BYTES
        for index, _, level in asked:
            data = self._skeleton(index, level, query)
            left -= len(data)
            if found and left < 0:
                break
            found.append(data)
        return binary(wire.many_bytes(found), immutable=query.get("v") == self.key)

    def _skeleton(self, index_text: str, level_text: str, query: Query) -> bytes:
        """Return a level of a template."""
        index = query.place(index_text, self.source.scene.templates_n, "template")
        level = query.place(level_text, LEVELS_N, "level")
        template = self.source.scene.template(index)
        return wire.skeleton_bytes(index, level, template.levels[level], template.nodes_n, template.soma_radius_um)

    def _cell(self, rest: list[str], query: Query, body: bytes | None) -> Answer:
        query.parts(rest, 1)
        scene = self.source.scene
        rank = query.place(rest[0], scene.n, "cell")
        cells = scene.cells(np.array([rank], np.uint32))
        kind, template = scene.kinds[int(cells.kind[0])], int(cells.template[0])
        return as_json(
            {
                "rank": rank, "gid": int(cells.gid[0]), "population": kind.population, "facts": kind.facts,
                "position_um": scene.positions_um(cells)[0].tolist(),
                "template": None if template == NO_TEMPLATE else template,
                "nodes_n": int(self._nodes.of([rank])[0]), "compartments": scene.labels(rank),
            }
        )  # fmt: skip

    def _cells(self, rest: list[str], query: Query, body: bytes | None) -> Answer:
        query.parts(rest, 0)
        ranks = query.ranks("ranks", self.source.scene.n)
        return binary(wire.cells_bytes(0, self.source.scene.cells(ranks)))

    def _members(self, rest: list[str], query: Query, body: bytes | None) -> Answer:
        query.parts(rest, 1)
        if rest[0] not in self.source.scene.node_sets:
            raise Refusal(404, f"no node set {rest[0][:100]!r}; see node_sets of /api/scene")
        return self._listed(self.source.scene.members(rest[0]))

    def _select(self, rest: list[str], query: Query, body: bytes | None) -> Answer:
        query.parts(rest, 0)
        return self._listed(self.source.scene.select(body_of(body)))

    def _listed(self, ranks: Any) -> Answer:
        if len(ranks) > MOST_CELLS:
            raise Refusal(413, f"{len(ranks):,} cells; at most {MOST_CELLS:,} are listed. Ask for fewer.")
        return binary(np.asarray(ranks, "<u4").tobytes())

    # --- activity ---------------------------------------------------------------------------------------------------

    def _spikes(self, rest: list[str], query: Query, body: bytes | None) -> Answer:
        query.parts(rest, 0)
        start, stop = query.stretch(self.source.status())
        limit = query.whole("limit", 1, MOST_SPIKES, MOST_SPIKES)
        total = self.source.spikes_n(start, stop)
        every = max(1, -(-total // limit))
        ranks, times, total = self.source.spikes(start, stop, every=every)
        while len(ranks) > limit:
            every *= 2
            ranks, times, total = self.source.spikes(start, stop, every=every)
        return binary(wire.spikes_bytes(ranks, times, total_n=total, every=every))

    def _rates(self, rest: list[str], query: Query, body: bytes | None) -> Answer:
        query.parts(rest, 0)
        start, stop = query.stretch(self.source.status())
        bins = query.whole("bins", 1, MOST_BINS, 200)
        if stop <= start:
            return as_json({"time_ms": [], "rates": {}})
        middles, rates = self.source.rates(start, stop, (stop - start) / bins)
        return as_json({"time_ms": middles.tolist(), "rates": {name: r.tolist() for name, r in rates.items()}})

    def _trace(self, rest: list[str], query: Query, body: bytes | None) -> Answer:
        query.parts(rest, 0)
        rank = query.whole("rank", 0, self.source.scene.n - 1)
        node = query.whole("node", 0, int(self._nodes.of([rank])[0]) - 1, 0)
        start, stop = query.stretch(self.source.status())
        block = self.source.trace(rank, node, start, stop)
        if len(block.values_mV) > MOST_VALUES:
            raise Refusal(413, f"{len(block.values_mV):,} values; at most {MOST_VALUES:,}. Ask for a shorter stretch.")
        return binary(wire.trace_frame(block.start_ms, block.step_ms, block.values_mV, tag=0))

    def _world(self, rest: list[str], query: Query, body: bytes | None) -> Answer:
        """``/api/world/rows`` (curves and tracks of a stretch) and ``/api/world/field/KEY``."""
        what = rest[0] if rest else ""
        world = self.source.world(math.inf)
        if what == "rows":
            query.parts(rest, 1)
            start, stop = query.number("start_ms", -1e12), query.number("stop_ms", 1e12)
            rows = self.source.world_rows(start, stop, query.whole("most", 1, MOST_WORLD_ROWS, MOST_WORLD_ROWS))
            if rows is None:
                raise Refusal(404, "there is no world around these cells")
            return binary(rows_bytes(rows))
        query.parts(rest, 2)
        key = query.place(rest[1], 1 << 31, "field")
        held = next((f for f in ([] if world is None else world.fields) if key_of(f) == key), None)
        if what != "field" or held is None:
            raise Refusal(404, f"nothing is at {'/'.join(rest)[:100]!r}; the world message says what there is")
        return binary(field_bytes(held), immutable=query.get("v") == self.key)

    # --- pictures ---------------------------------------------------------------------------------------------------

    def _still(self, rest: list[str], query: Query, body: bytes | None) -> Answer:
        query.parts(rest, 0)
        return self.studio.still(body_of(body))

    def _movie(self, rest: list[str], query: Query, body: bytes | None) -> Answer:
        if rest:
            query.parts(rest, 1)
            return self.studio.movie(rest[0])
        return self.studio.order(body_of(body))

    def close(self) -> None:
        """Close the source, and remove movies."""
        self._warming.join(timeout=30.0)
        self.studio.close()
        self.source.close()


class _Guest(Client):
    """A client that leaves when its hub shows something else."""

    def __init__(self, hub: Hub, patient_s: float | None) -> None:
        super().__init__(hub.source, patient_s=patient_s)
        self._hub = hub

    def turn(self, now_s: float) -> list[str | bytes]:
        """Return what is to be sent now.

        Raises
        ------
        WireError
            The hub shows something else; connect again.
        """
        if self._hub.source is not self.source:
            raise WireError("something else is shown here now")
        return super().turn(now_s)
