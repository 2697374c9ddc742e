"""Speech to face motion: audio in, editable curves out. No Blender and no torch in here (nets/ and learn/ apart).

    from engine import Settings, animate, read_audio
    animation = animate(read_audio("line.wav"), Settings(fps=24))
"""

from .audio import from_array, read_audio
from .errors import AudioError, Cancelled, EngineError, ModelError, OutputError, PresetError, RigError, SettingError
from .pipeline import animate, animate_all
from .types import Animation, Curve, Gains, Motion, Rig, RigChannel, RigCurves, Settings, Waveform

__all__ = [
    "Animation", "AudioError", "Cancelled", "Curve", "EngineError", "Gains", "ModelError", "Motion", "OutputError", "PresetError",
    "Rig", "RigChannel", "RigCurves", "RigError", "SettingError", "Settings", "Waveform", "animate", "animate_all", "from_array", "read_audio",
]
