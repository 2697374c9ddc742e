"""What all systems have: a model folder, where its graphs run, and its encoder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ..model import runtime
from ..model.folder import Model


@dataclass(frozen=True)
class EncodedSystem:
    """The part of a System (see there) that hears; graphs are opened when they are first needed."""

    model: Model
    device: str
    threads: int

    @cached_property
    def encoder(self) -> runtime.Graph:
        """On the wanted device. Raises ModelError, SettingError."""
        return runtime.open_graph(self.model.encoder_file, self.device, self.threads)
