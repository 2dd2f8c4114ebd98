"""The world around the client module, for foreign mail programs."""

from tests.clientmodule_world import kim, running_kim_world

__all__ = ["kim", "running_kim_world"]
