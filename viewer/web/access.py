"""``Access``: the addresses a server answers at. Anything else asked for is a page that plays a trick with names."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Access:
    """Where a server is, as browsers name it.

    Parameters
    ----------
    port : int
        The port it listens at.
    hosts : tuple of str
        Names and addresses of this machine that may stand in Host, without a port: ``"127.0.0.1"``, ``"[::1]"``.
    allowed_hosts : tuple of str
        As a reverse proxy shows it: ``"lab.example.org"``, ``"localhost:8888"``.
    root_path : str
        What a reverse proxy puts before our paths: ``"/user/ann/proxy/8050"``, or nothing.
    """

    port: int
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    allowed_hosts: tuple[str, ...] = ()
    root_path: str = ""
    names: frozenset[str] = field(init=False, repr=False, default=frozenset())

    def __post_init__(self) -> None:
        names = {f"{host}:{self.port}" for host in self.hosts} | set(self.allowed_hosts)
        if self.port == 80:
            names |= set(self.hosts)
        object.__setattr__(self, "names", frozenset(name.lower() for name in names))

    @property
    def cookie(self) -> str:
        """Name of the cookie: browsers do not tell the ports of a machine apart."""
        return f"neurosim-{self.port}"

    def knows(self, host: str | None, local: str | None = None) -> bool:
        """Return whether we are called so, by name or by ``local``, the address of ours that was connected to."""
        if host is None:
            return False
        # A number cannot be made to lead elsewhere, as a name can.
        number = None if local is None else f"[{local}]:{self.port}" if ":" in local else f"{local}:{self.port}"
        return host in self.names or host == number

    def ours(self, origin: str, host: str) -> bool:
        """Return whether a page from ``origin`` is one of ours, when we are called ``host``."""
        return origin == host or origin in {name.lower() for name in self.allowed_hosts}

    def inner(self, path: str) -> str:
        """Return a path without ``root_path``, which some proxies leave on."""
        root = self.root_path
        return path[len(root) :] if root and path.startswith(root + "/") else path
