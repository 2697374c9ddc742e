"""What every system offers at run time, and which class runs the system that a model folder names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from ..model import runtime
from ..model.decode import Decoded, Track
from ..model.encode import FeatureWindow
from ..model.folder import Model
from ..values.types import Settings
from .autoregressive import AutoregressiveSystem
from .composite import CompositeSystem
from .pmmtalk import PmmTalkSystem
from .unitalker import UniTalkerSystem


class System(Protocol):
    """A model folder, ready to run: from features of a sound to motion of its heads, one track for each wanted result.

    A track holds what a system is conditioned on, as vectors: `track` makes it of what the user chose (an identity, a
    reference motion, a text, a picture). How windows are run and joined, and what is remembered from one to the next,
    is the system's own business.
    """

    @property
    def model(self) -> Model:
        """The model folder."""

    @property
    def encoder(self) -> runtime.Graph:
        """Its encoder, wave -> features, on the wanted device; opened when first asked for. Raises ModelError."""

    def track(self, settings: Settings) -> Track:
        """The conditions that the settings name, and warnings about them; runs nothing. Raises SettingError."""

    def decode(self, windows: Iterable[FeatureWindow], tracks: Sequence[Track], n_samples: int) -> list[Decoded]:
        """Motion for each track of one clip.

        Args:
            windows: features of the clip, in order; each is asked for once.
            n_samples: length of the clip.
        Returns:
            One result per track, at its head's frame rate and in its head's space.
        Raises:
            ModelError: the graphs do not fit the folder, or give values that are not finite.
        """


# By the name in model.json; model/folder.py refuses names that are not here.
_SYSTEMS: Mapping[str, Callable[[Model, str, int], System]] = {
    "unitalker": UniTalkerSystem, "composite": CompositeSystem, "autoregressive": AutoregressiveSystem,
    "pmmtalk": PmmTalkSystem,
}


def open_system(model: Model, settings: Settings) -> System:
    """The system of a model folder, on the device and with the threads of the settings."""
    return _SYSTEMS[model.system](model, settings.device, settings.threads)
