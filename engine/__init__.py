"""Speech to face motion: audio in, editable curves out. No Blender and no torch in here (nets/ and learn/ apart).

    from engine import Settings, animate, read_audio
    animation = animate(read_audio("line.wav"), Settings(fps=24))

The names below are loaded when they are first asked for, so that importing the package itself loads nothing, not even NumPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .audio.read import from_array, read_audio
    from .pipeline import animate, animate_all
    from .values.errors import (
        AudioError,
        Cancelled,
        EngineError,
        InstallError,
        ModelError,
        NoPresetError,
        OutputError,
        PresetError,
        RigError,
        SettingError,
        TeachError,
    )
    from .values.settings import Delays, Gains, Life, RegionSmooth, Settings
    from .values.types import Animation, Curve, Motion, Rig, RigChannel, RigCurves, Waveform

__all__ = [
    "Animation", "AudioError", "Cancelled", "Curve", "Delays", "EngineError", "Gains", "InstallError", "Life", "ModelError", "Motion", "NoPresetError",
    "OutputError", "PresetError", "RegionSmooth", "Rig", "RigChannel", "RigCurves", "RigError", "SettingError", "Settings", "TeachError", "Waveform",
    "animate", "animate_all", "from_array", "read_audio",
]

if not TYPE_CHECKING:       # a type checker would take any name
    def __getattr__(name: str) -> object:
        """A public name, from the first of these modules that has it."""
        if name in __all__:
            for module in ("values.errors", "values.settings", "values.types", "audio.read", "pipeline"):
                names = vars(import_module(f".{module}", __name__))
                if name in names:
                    return names[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
