"""What plays on a data-block: our Action beside, beneath or above the artist's, as the active one or as a strip of the
NLA."""

from __future__ import annotations

from dataclasses import dataclass, replace

import bpy

from .actions import GROUP, ActionUse, assign, curves_of, is_own, owns, same_curves, uses
from .ledger import Channel, Span, StripNote

SAME_FRAME = 0.01               # frames
FAINT = 1e-3                    # of an influence: nothing is seen of less
EXACT = 1e-4                    # of a scale or a repeat
HOLDS_OUTSIDE = "In this Blender the lip sync also holds its first and last pose outside the sound, over your keys."


@dataclass(frozen=True)
class Strip:
    """How a strip of ours mixes with the tracks beneath it: NLA blend type, and influence 0 to 1."""

    blend: str = 'REPLACE'
    influence: float = 1.0


def make_way(owner: bpy.types.ID) -> str:
    """Move an active Action of the artist to an NLA track, for ours to play over it; the track's name or ""."""
    active = active_use(owner)
    return _move_to_track(owner.animation_data) if active is not None and not owns(active) else ""


def play(owner: bpy.types.ID, use: ActionUse, span: Span, given: StripNote, strip: Strip | None = None) -> StripNote:
    """Let our Action play on a data-block, beneath an active Action of the artist. A strip that plays it already stays
    on its track, and what the artist changed in it stays.

    Args:
        span: frames that the Action covers.
        given: what we last gave its strip.
        strip: plays it from the NLA also where no Action of the artist is active.
    Returns:
        What its strip was given now.
    """
    animation = owner.animation_data
    in_nla = next((other.strip for other in beside_sound(owner, use)), None)
    _take_off_others(owner, use, keep_active=strip is None)
    active = active_use(owner)
    if active is None and strip is None and (in_nla is None or given.made):
        if in_nla is not None:
            remove_strip(animation, in_nla)
            given = StripNote()
        assign(animation, use)
        return given
    if strip is None and active is not None and owns(active):
        return given
    if in_nla is None:
        given = StripNote(made=True)
        _new_strip(animation, use, span)
    given = fit_strips(owner, use, span, given)
    if strip is None:
        return given
    for other in beside_sound(owner, use):
        _mix(other.strip, strip, given)
    return replace(given, blend=strip.blend, influence=strip.influence)


def _take_off_others(owner: bpy.types.ID, use: ActionUse, keep_active: bool) -> None:
    """Stop what else of ours plays on a data-block; keep_active: whether the use itself may stay the active Action."""
    animation = owner.animation_data
    for other in [other for other in uses(owner) if owns(other)]:
        if not same_curves(other, use) and is_own(other.action):
            other.action.use_fake_user = True       # an earlier take under another name: the artist can go back to it
        elif other.strip is not None:
            continue            # ours, or one that the artist made to use it again elsewhere
        if other.strip is not None:
            remove_strip(animation, other.strip)
        elif not keep_active or not same_curves(other, use):
            animation.action = None


def active_use(owner: bpy.types.ID) -> ActionUse | None:
    """The active Action of a data-block."""
    return next((use for use in uses(owner) if use.strip is None), None)


def hold_outside(
    owner: bpy.types.ID, use: ActionUse, channels: set[Channel], shared: frozenset[Channel], given: StripNote,
) -> tuple[StripNote, str]:
    """Choose what our Action does before and after its keys, when it plays over the artist's. Returns what its strip
    was given, and a sentence for the user or "".

    A strip that the artist set otherwise, as given tells, is left as it is.

    Nothing (the artist's keys show) is right where the channel below has keys. Elsewhere the value falls back to
    Blender's default, which is 1 for shape keys in 5.0: a face with every shape at full. Holding the closed mouth is
    the lesser evil there.
    """
    default = bpy.types.ShapeKey.bl_rna.properties["value"].default
    hold = owner.id_type == 'KEY' and default != 0 and bool(channels - shared)
    outside = 'HOLD' if hold or not shared else 'NOTHING'
    active = active_use(owner)
    if active is not None and same_curves(active, use):
        owner.animation_data.action_extrapolation = outside
    for other in beside_sound(owner, use):
        if given.extrapolation in (None, other.strip.extrapolation):
            other.strip.extrapolation = outside
    if given.span is not None:
        given = replace(given, extrapolation=outside)
    return given, HOLDS_OUTSIDE if hold and shared else ""


def fit_strips(owner: bpy.types.ID, use: ActionUse, span: Span, given: StripNote) -> StripNote:
    """Let the strips that play an Action with its sound cover these frames. Returns what they were given.

    Where the artist moved, trimmed or scaled a strip it goes on so: with keys that move it moves along, and an end that
    they trimmed stays trimmed.
    """
    for other in beside_sound(owner, use):
        before = given.span or (other.strip.action_frame_start, other.strip.action_frame_end)
        _go_on(other.strip, (float(before[0]), float(before[1])), span)
    return replace(given, span=span)


def beside_sound(owner: bpy.types.ID, use: ActionUse) -> list[ActionUse]:
    """The strips that play the same, without repeats on other frames; if all were moved, the first."""
    strips = [other for other in uses(owner) if other.strip is not None and same_curves(other, use)]
    return [other for other in strips if _is_beside(other.strip)] or strips[:1]


def _is_beside(strip: bpy.types.NlaStrip) -> bool:
    return abs(strip.frame_start - strip.action_frame_start) < SAME_FRAME


def stop(owner: bpy.types.ID, use: ActionUse, moved: str) -> None:
    """Take our Action off a data-block, and let the artist's moved Action be the active one again."""
    animation = owner.animation_data
    if use.strip is not None:
        remove_strip(animation, use.strip)
        if animation.action is not None:
            return
    else:
        animation.action = None
        animation.action_extrapolation = 'HOLD'
    track = animation.nla_tracks.get(moved) if moved else None
    if track is not None and len(track.strips) == 1:
        strip = track.strips[0]
        assign(animation, ActionUse(strip.action, getattr(strip, "action_slot", None)))
        animation.action_blend_type, animation.action_influence = strip.blend_type, strip.influence
        animation.action_extrapolation = strip.extrapolation
        animation.nla_tracks.remove(track)


def _move_to_track(animation: bpy.types.AnimData) -> str:
    """What Push Down does: the active Action goes on in a new NLA track, on its own frames."""
    use = ActionUse(animation.action, getattr(animation, "action_slot", None))
    frames = [frame for curve in curves_of(use) for frame in curve.range()]
    first, last = min(frames, default=1.0), max(frames, default=1.0)
    blend_type, influence = animation.action_blend_type, animation.action_influence
    extrapolation = animation.action_extrapolation
    animation.action = None
    track = animation.nla_tracks.new()
    track.name = use.action.name
    strip = _fill_track(track, use, (first, last if last > first else last + 1.0))
    strip.blend_type, strip.influence, strip.extrapolation = blend_type, influence, extrapolation
    return track.name


def _new_strip(animation: bpy.types.AnimData, use: ActionUse, span: Span) -> bpy.types.NlaStrip:
    """A strip on a track of ours, above the others."""
    track = animation.nla_tracks.new()
    track.name = GROUP
    return _fill_track(track, use, span)


def _fill_track(track: bpy.types.NlaTrack, use: ActionUse, span: Span) -> bpy.types.NlaStrip:
    """One strip that plays an Action at its own speed on its own frames, and holds the ends."""
    strip = track.strips.new(use.action.name, int(span[0]), use.action)
    if use.slot is not None:
        strip.action_slot = use.slot
    _fit(strip, span)
    strip.extrapolation = 'HOLD'
    return strip


def _fit(strip: bpy.types.NlaStrip, span: Span) -> None:
    """Let a strip play these frames of its Action on the same frames of the scene."""
    strip.use_sync_length = False
    strip.action_frame_end = max(strip.action_frame_end, span[1])       # Blender keeps every start before its end
    strip.action_frame_start, strip.action_frame_end = span
    strip.scale = 1.0
    strip.frame_end = max(strip.frame_end, span[1])
    strip.frame_start, strip.frame_end = span
    strip.scale = 1.0


def _go_on(strip: bpy.types.NlaStrip, before: Span, span: Span) -> None:
    """Let a strip that played the frames before play those of span; what the artist changed in it stays."""
    old = strip.action_frame_start, strip.action_frame_end
    by = span[0] - before[0]
    along = by if abs(span[1] - before[1] - by) < SAME_FRAME else 0.0
    near = SAME_FRAME if before[1] - before[0] > 1 else 1 + SAME_FRAME       # Blender makes a strip of one frame longer
    first, last = (
        wanted if abs(now - was) < near else now + along for now, was, wanted in zip(old, before, span, strict=True)
    )
    if first > last:            # of what the artist had left nothing is there any more
        first, last = span
    if abs(first - old[0]) < SAME_FRAME and abs(last - old[1]) < SAME_FRAME:
        return
    scale, repeat, start = strip.scale, strip.repeat, strip.frame_start + along + (first - old[0] - along) * strip.scale
    if abs(scale - 1) < EXACT and abs(repeat - 1) < EXACT and abs(start - first) < SAME_FRAME:
        _fit(strip, (first, last))
        return
    end = start + (last - first) * scale * repeat
    strip.use_sync_length = False
    strip.action_frame_end = max(old[1], last)
    strip.action_frame_start, strip.action_frame_end = first, last
    strip.frame_end = max(strip.frame_end, end)
    strip.frame_start, strip.frame_end = start, end
    strip.scale, strip.repeat = scale, repeat


def _mix(strip: bpy.types.NlaStrip, wanted: Strip, given: StripNote) -> None:
    """Blend a strip as wanted, where that is new; what the artist set since, and an influence that they keyed, stay."""
    if given.blend != wanted.blend:
        strip.blend_type = wanted.blend
    if given.influence == wanted.influence:
        return
    curve = strip.fcurves.find("influence")
    if strip.use_animated_influence and curve is not None and len(curve.keyframe_points) > 1:
        return
    # Blender takes 1 without it, whatever strip.influence says
    strip.use_animated_influence = wanted.influence != 1
    strip.influence = wanted.influence
    curve = strip.fcurves.find("influence")
    for key in curve.keyframe_points if curve is not None else ():
        key.co[1] = wanted.influence


def remove_strip(animation: bpy.types.AnimData, strip: bpy.types.NlaStrip) -> None:
    for track in animation.nla_tracks:
        if strip in track.strips[:]:
            track.strips.remove(strip)
            if not len(track.strips):
                animation.nla_tracks.remove(track)
            return


def play_alone(owner: bpy.types.ID, use: ActionUse) -> None:
    """Let an Action be all that plays: our strips go, the artist's tracks are muted, other Actions stay in the file."""
    animation = owner.animation_data_create()
    for other in [other for other in uses(owner) if owns(other) and other.strip is not None]:
        other.action.use_fake_user = True
        remove_strip(animation, other.strip)
    for track in animation.nla_tracks:
        track.is_solo, track.mute = False, True
    if animation.action is not None and animation.action != use.action:
        animation.action.use_fake_user = True
    assign(animation, use)
    animation.action_blend_type, animation.action_influence, animation.action_extrapolation = 'REPLACE', 1.0, 'HOLD'


def has_ours(owner: bpy.types.ID, track: bpy.types.NlaTrack) -> bool:
    """Whether a track of a data-block plays lip sync."""
    return any(use.strip in track.strips.values() for use in uses(owner) if use.strip is not None and owns(use))


def silence(owner: bpy.types.ID, name: str) -> str:
    """Why the lip sync that was written does not play now: a sentence for the user, or ""."""
    animation = owner.animation_data
    solo = next((track.name for track in animation.nla_tracks if track.is_solo), "")
    if solo:
        return (
            f"The NLA track {solo!r} of {name!r} is solo: the lip sync plays once you switch Solo off in the NLA "
            "editor."
        )
    own = [use for use in uses(owner) if owns(use)]
    if own and all(use.muted for use in own):
        return (
            f"The NLA strip {own[0].strip.name!r} of {name!r}, which plays the lip sync, or its track is muted: "
            "nothing moves until you unmute."
        )
    if len(animation.nla_tracks) and not animation.use_nla:
        return (
            f"The NLA of {name!r} is switched off, so not all of its tracks play: switch it on in the NLA editor, "
            "beside the name."
        )
    if own and len(animation.nla_tracks) and all(_influence(animation, use) < FAINT for use in own):
        return (
            f"The lip sync of {name!r} plays with an influence of 0, so nothing moves: raise Influence in the NLA "
            "editor."
        )
    return ""


def _influence(animation: bpy.types.AnimData, use: ActionUse) -> float:
    """How much of an Action counts at most. Blender plays a strip whole whose influence is not animated."""
    if use.strip is None:
        return animation.action_influence
    if not use.strip.use_animated_influence:
        return 1.0
    curve = use.strip.fcurves.find("influence")
    return max((key.co[1] for key in curve.keyframe_points), default=1.0) if curve else use.strip.influence
