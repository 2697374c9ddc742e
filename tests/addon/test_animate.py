"""From the button to keys: bpy.ops.unitalker.animate."""

from __future__ import annotations

import bpy
import numpy as np

from .conftest import TINY, curves, jaw, keys_of


def test_file_becomes_one_key_per_frame_on_every_arkit_key(ext, face, speech):
    assert bpy.ops.unitalker.animate(audio=speech, character="Face") == {'FINISHED'}
    assert len(curves(face.data.shape_keys)) == 52
    assert jaw(face)[:, 0].tolist() == list(range(1, 49))       # two seconds at 24 frames per second
    assert face.data.shape_keys.animation_data.action.name == "Face Lip Sync"


def test_operator_equals_engine(ext, face, speech):
    engine = ext.module("engine")
    bpy.ops.unitalker.animate(audio=speech, character="Face", identity="wide", strength=1.5, smooth=0.3, gain_jaw=0.8)
    settings = engine.Settings(
        model=TINY, identity="wide", strength=1.5, smooth=0.3, gains=engine.Gains(jaw=0.8), fps=24.0
    )
    wave = ext.module("addon.sound.clip").read(ext.module("addon.sound.clip").find_file(bpy.context, speech, 1.0))
    expected = engine.animate(wave, settings).motion
    written = curves(face.data.shape_keys)
    for channel in expected.channels:
        np.testing.assert_allclose(
            keys_of(written[f'key_blocks["{channel}"].value'])[:, 1], expected[channel], atol=1e-6
        )


def test_the_button_follows_the_panel_and_not_the_last_call(ext, face, speech):
    settings = bpy.context.scene.unitalker
    settings.source, settings.audio = 'FILE', speech
    for start in (1, 11, 21):
        settings.start_frame = start
        bpy.ops.unitalker.animate('INVOKE_DEFAULT')
        assert jaw(face)[0, 0] == start
