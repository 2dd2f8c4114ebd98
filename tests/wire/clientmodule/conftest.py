"""The world around the client module, for its tests at the wire."""

from tests.clientmodule_world import kim, logged_in, running_kim_world

__all__ = ["kim", "logged_in", "running_kim_world"]
