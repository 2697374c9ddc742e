"""Clear puts everything back also after the lip sync went from one destination to another: the artist's Action,
sliders, values."""

from __future__ import annotations

import itertools

import bpy
import pytest

from . import as_before
from .conftest import own_action

WAYS = ('ACTION', 'NLA', 'SLOT')


@pytest.fixture
def loud(ext, tmp_path):
    """A preset that goes beyond the slider of mouthPucker; jawOpen as it is."""
    preset, channel = ext.module("engine.rig.preset"), ext.module("engine.values.types").RigChannel
    targets = tuple(
        preset.Target(channel("shape_key", name), (("jawOpen", weight),), clamp=None)
        for name, weight in (("mouthPucker", 3.0), ("jawOpen", 1.0))
    )
    return str(ext.module("engine.rig.presets").save_preset(preset.Preset("Loud", "arkit52", targets), tmp_path))


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(WAYS, 2)))
@pytest.mark.parametrize("existing", ['LAYER', 'KEEP'])
def test_clear_after_two_destinations_leaves_everything_as_before(ext, face, speech, loud, first, second, existing):
    if 'SLOT' in (first, second) and "slots" not in bpy.types.Action.bl_rna.properties:
        pytest.skip("slots came with Blender 4.4")
    own_action(face.data.shape_keys, {'key_blocks["jawOpen"].value': [(1, 0.25), (30, 0.75)]})
    bpy.context.scene.frame_set(7)
    before = as_before.animation(), as_before.values()
    for destination in (first, second):
        action = "Mine" if destination == 'SLOT' else ""
        bpy.ops.unitalker.animate(
            audio=speech, character="Face", existing=existing, destination=destination, action=action, preset=loud,
        )
    assert any(block.slider_max > 1 for block in face.data.shape_keys.key_blocks)
    bpy.ops.unitalker.clear(character="Face")
    bpy.context.scene.frame_set(7)
    now = as_before.animation(), as_before.values()
    assert not [
        place
        for place in ext.module("addon.actions.actions").uses(face.data.shape_keys)
        if ext.module("addon.actions.actions").owns(place)
    ]
    # an earlier take is kept in the file, with nothing that plays it
    kept = {name for name in now[0][0] if name not in before[0][0]}
    assert {
        name: [curve for curve in curves if curve[2] != "Lip Sync"]
        for name, curves in now[0][0].items() if name not in kept
    } == before[0][0]
    assert (now[0][1], now[1]) == (before[0][1], before[1])


def test_a_line_of_one_curve_can_be_made_again(ext, face, speech, loud):
    """Blender frees a channel group with its last curve: the one curve of ours must not be given to the freed group."""
    own_action(face.data.shape_keys, {'key_blocks["jawOpen"].value': [(1, 0.25), (30, 0.75)]})
    for _ in range(3):
        bpy.ops.unitalker.animate(audio=speech, character="Face", preset=loud)
    actions = ext.module("addon.actions.actions")
    place = next(place for place in actions.uses(face.data.shape_keys) if actions.owns(place))
    assert [(curve.data_path, curve.group.name) for curve in actions.curves_of(place)] == [
        ('key_blocks["mouthPucker"].value', "Lip Sync")
    ]
