"""Speech to face motion: audio in, editable curves out. No Blender and no torch in here (nets/ and learn/ apart).

    from engine import Settings, animate, read_audio
    animation = animate(read_audio("line.wav"), Settings(fps=24))

The names below are loaded when they are first asked for: importing the package itself loads nothing, not even NumPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .audio.read import MIN_DURATION_S, check_sound, from_array, read_audio, sound_length_s
    from .audio.time_stretch import stretch
    from .fit_head.fit import FitResult, KeyedTake, fit_again, fit_take
    from .geometry.lip_pairs import is_still
    from .geometry.lip_samples import lip_poses, sampled_mesh
    from .geometry.shape_match import (
        ChannelMatch,
        Picks,
        ShapeProposal,
        guess_points,
        match_shapes,
        preset_of_matches,
        sure_channels,
    )
    from .geometry.shape_picture import SIZE_PX, SampledFace
    from .geometry.shape_solve import solve_weights
    from .idle.arousal import Arousal, arousal
    from .model.components import Placement, components_needed, fit_placement
    from .model.devices import from_text as device_tests_from_text
    from .model.devices import remember as remember_device_tests
    from .model.devices import test_devices
    from .model.devices import to_text as device_tests_to_text
    from .model.heads import Head
    from .model.runtime import build as runtime_build
    from .model.runtime import close_graphs
    from .model.style_from import STYLE_SUFFIX, reference_of
    from .motion.key_reduction import reduce_for_curves, reduce_for_lines
    from .motion.lip_contact import contacts_of, has_lips
    from .motion.smooth import EASE_IN_S, EASE_OUT_S, runs
    from .pipeline import animate, animate_all, style_file
    from .rig.retarget import read_back
    from .speech.g2p import check_words, languages, speak
    from .speech.g2p import read_file as read_transcript
    from .speech.phone_edit import changed_spans
    from .speech.placeholder import PLACEHOLDER
    from .speech.words import spoken_words, with_emphasis, written_words
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
    from .values.settings import Delays, Gains, Life, Reference, RegionSmooth, Settings
    from .values.types import Animation, Curve, HeadMesh, LipContacts, Motion, Rig, RigChannel, RigCurves, Waveform

__all__ = [
    "EASE_IN_S", "EASE_OUT_S", "MIN_DURATION_S", "PLACEHOLDER", "SIZE_PX", "STYLE_SUFFIX", "Animation", "Arousal",
    "AudioError", "Cancelled", "ChannelMatch", "Curve", "Delays", "EngineError", "FitResult", "Gains", "Head",
    "HeadMesh", "InstallError", "KeyedTake", "Life", "LipContacts", "ModelError", "Motion", "NoPresetError",
    "OutputError", "Picks", "Placement", "PresetError", "Reference", "RegionSmooth", "Rig", "RigChannel", "RigCurves",
    "RigError", "SampledFace", "SettingError", "Settings", "ShapeProposal", "TeachError", "Waveform", "animate",
    "animate_all", "arousal", "changed_spans", "check_sound", "check_words", "close_graphs", "components_needed",
    "contacts_of", "device_tests_from_text", "device_tests_to_text", "fit_again", "fit_placement", "fit_take",
    "from_array", "guess_points", "has_lips", "is_still", "languages", "lip_poses", "match_shapes",
    "preset_of_matches", "read_audio", "read_back", "read_transcript", "reduce_for_curves", "reduce_for_lines",
    "reference_of", "remember_device_tests", "runs", "runtime_build", "sampled_mesh", "solve_weights",
    "sound_length_s", "speak", "spoken_words", "stretch", "style_file", "sure_channels", "test_devices",
    "with_emphasis", "written_words",
]
_LIGHT = ("values.errors", "values.settings", "values.types", "audio.read", "pipeline")     # in this order
_HOMES = {      # where the other names lie
    "FitResult": "fit_head.fit.FitResult", "KeyedTake": "fit_head.fit.KeyedTake", "fit_take": "fit_head.fit.fit_take",
    "fit_again": "fit_head.fit.fit_again",
    "ChannelMatch": "geometry.shape_match.ChannelMatch",
    "Picks": "geometry.shape_match.Picks", "ShapeProposal": "geometry.shape_match.ShapeProposal",
    "Arousal": "idle.arousal.Arousal", "arousal": "idle.arousal.arousal",
    "is_still": "geometry.lip_pairs.is_still",
    "lip_poses": "geometry.lip_samples.lip_poses", "sampled_mesh": "geometry.lip_samples.sampled_mesh",
    "guess_points": "geometry.shape_match.guess_points", "match_shapes": "geometry.shape_match.match_shapes",
    "sure_channels": "geometry.shape_match.sure_channels",
    "preset_of_matches": "geometry.shape_match.preset_of_matches", "SIZE_PX": "geometry.shape_picture.SIZE_PX",
    "SampledFace": "geometry.shape_picture.SampledFace", "solve_weights": "geometry.shape_solve.solve_weights",
    "Placement": "model.components.Placement", "fit_placement": "model.components.fit_placement",
    "device_tests_from_text": "model.devices.from_text", "device_tests_to_text": "model.devices.to_text",
    "remember_device_tests": "model.devices.remember", "test_devices": "model.devices.test_devices",
    "STYLE_SUFFIX": "model.style_from.STYLE_SUFFIX", "reference_of": "model.style_from.reference_of",
    "read_back": "rig.retarget.read_back",
    "runtime_build": "model.runtime.build", "close_graphs": "model.runtime.close_graphs",
    "stretch": "audio.time_stretch.stretch",
    "speak": "speech.g2p.speak", "PLACEHOLDER": "speech.placeholder.PLACEHOLDER",
    "spoken_words": "speech.words.spoken_words", "with_emphasis": "speech.words.with_emphasis",
    "written_words": "speech.words.written_words",
    "check_words": "speech.g2p.check_words", "languages": "speech.g2p.languages",
    "read_transcript": "speech.g2p.read_file",
    "changed_spans": "speech.phone_edit.changed_spans", "has_lips": "motion.lip_contact.has_lips",
    "contacts_of": "motion.lip_contact.contacts_of",
    "reduce_for_curves": "motion.key_reduction.reduce_for_curves",
    "reduce_for_lines": "motion.key_reduction.reduce_for_lines",
    "EASE_IN_S": "motion.smooth.EASE_IN_S", "EASE_OUT_S": "motion.smooth.EASE_OUT_S",
    "runs": "motion.smooth.runs", "Head": "model.heads.Head",
    "components_needed": "model.components.components_needed",
}

if not TYPE_CHECKING:       # a type checker would take any name
    def __getattr__(name: str) -> object:
        """A public name, from where it lies."""
        if name in _HOMES:
            module, _, inner = _HOMES[name].rpartition(".")
            return getattr(import_module(f".{module}", __name__), inner)
        if name in __all__:
            for module in _LIGHT:
                names = vars(import_module(f".{module}", __name__))
                if name in names:
                    return names[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
