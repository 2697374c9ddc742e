"""Takes follow their strips: when one was moved, trimmed, slipped, cut or renamed, its keys go along, without listening again.

follow_watch.py says when. Keys and the notes of where they lie are in one data-block, the Action, so undo takes both back together; what undo
leaves apart is put right by the next look. That is why following makes no step of undo of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy

from ..host.operator_base import redraw
from ..keying import moved_keys
from ..sound import clip as strip_audio
from ..take import make, takes
from . import plan as follow_plan
from .plan import Change, Line

MAX_PASSES = 20         # pieces into which one strip was cut between two looks


@dataclass(frozen=True)
class Report:
    """What `update` did: takes that moved, lines that lie behind others now, and changes that need the sound."""

    moved: int
    behind: tuple[str, ...]
    left: tuple[Change, ...]

    def __str__(self) -> str:
        parts = [f"{self.moved} {'take' if self.moved == 1 else 'takes'} moved"] if self.moved else []
        parts += [f"frames of {', '.join(map(repr, self.behind))} lie behind another take and are hidden"] if self.behind else []
        return ". ".join((*parts, *(f"{change.line.name!r}: {change.listen}" for change in self.left)))


def follow_now(context: bpy.types.Context) -> None:
    """What the watch does: rows show their strips' names, takes go along, and the panel says what is left to do."""
    from ..cast.rows import follow_names

    for scene in bpy.data.scenes:
        if scene.library is None:
            follow_names(scene.unitalker_cast)
    cast = context.scene.unitalker_cast
    if not cast.follow:
        return
    report = update()
    note = f"{report}. Press Update Moved Strips." if report.left else (f"{report}." if report.behind else "")
    if cast.follow_note != note:
        cast.follow_note = note
    if report.moved:
        redraw(context)


def update() -> Report:
    """Move what can be moved without listening."""
    for line in list(follow_plan.lines()):
        _take_along(line)
    moved, behind, left = 0, [], []
    by_action: dict[str, list[Change]] = {}
    for change in follow_plan.changes():
        by_action.setdefault(change.line.action, []).append(change)
        if change.listen:
            left.append(change)
    for name, found in by_action.items():
        action = bpy.data.actions[name]
        moves = {change.line.name: change.move for change in found if change.move is not None}
        if not moves or _in_tweak_mode(action):
            continue
        moved += sum(change.is_seen for change in found)
        for line in follow_plan.lines_of(action):
            if line.name not in moves and (line.how.get("hidden") or any(line.opened)):
                moves[line.name] = follow_plan.still(line)
        behind += moved_keys.move(action, _without_rests_between(list(moves.values()), action))
    return Report(moved, tuple(dict.fromkeys(behind)), tuple(left))


def listen(context: bpy.types.Context, change: Change) -> list[make.Request]:
    """What take.compute and take.write need to make what moving alone could not: one request for each stretch of frames, all of one clip.

    Raises:
        EngineError: a kind of it for everything that the user can mend.
    """
    scene, strip = follow_plan.find_strip(change.line)
    clip = None
    if strip is not None:
        clip = strip_audio.clip_of(context, scene, strip, bpy.data.scenes.get(change.now.home) or scene)
    one = takes.find(context, _character(change.line), change.line.name)
    changes = {"clip": clip} if clip is not None else {}
    if not change.missing:
        return [takes.request(context, one, changes)]
    return [takes.request(context, one, changes, _with_fade(gap, change, one)) for gap in change.missing]


def settle(change: Change) -> None:
    """Note that a line has keys for all that can be heard of it now."""
    action = bpy.data.actions.get(change.line.action)
    if action is None or not change.missing:
        return      # made as a whole, with new notes
    line = next((line for line in follow_plan.lines_of(action) if line.name == change.line.name), None)
    if line is not None:
        moved_keys.renote(action, line.name, {
            "made": [line.span[0] - line.zero, line.span[1] - line.zero], "open": [False, False], "whole": True, "hidden": "", "phones_made": None,
        })


def _take_along(line: Line) -> None:
    """A cut strip makes two takes of one, a renamed one renames its take."""
    action = bpy.data.actions[line.action]
    name = line.name
    for _ in range(MAX_PASSES):
        found = next((one for one in follow_plan.lines_of(action) if one.name == name), None)
        cut = follow_plan.pieces(found) if found is not None else None
        if cut is None:
            break
        other, kept, new = cut
        moved_keys.split(action, name, kept, other, new)
    _, strip = follow_plan.find_strip(line)
    if strip is not None and strip.name != line.clip.name and name == line.clip.name:
        moved_keys.rename(action, name, strip.name)


def _without_rests_between(moves: list[moved_keys.Move], action: bpy.types.Action) -> list[moved_keys.Move]:
    """Moves whose face does not come to rest where the sound goes on in the next strip."""
    known = {move.line: move for move in moves}
    every = [*moves, *(follow_plan.still(line) for line in follow_plan.lines_of(action) if line.name not in known)]
    return [
        moved_keys.resting(move, (
            move.cut[0] and not any(follow_plan.joins(other, move) for other in every),
            move.cut[1] and not any(follow_plan.joins(move, other) for other in every),
        )) for move in moves
    ]


def _with_fade(gap: tuple[float, float], change: Change, one: takes.Take) -> tuple[float, float]:
    """A stretch without keys and the end of the keys beside it, where the face came to rest because the sound ended there."""
    fade = moved_keys.rest_frames(change.line.fps) + float(one.choices.get("crossfade", 0) or 0)
    is_head = gap[0] < change.now.start_frame + change.line.lead + 0.5
    return (gap[0], gap[1] + fade) if is_head else (gap[0] - fade, gap[1])


def _character(line: Line) -> str:
    """Name of an object that a line is keyed on."""
    chosen = str((line.how.get("choices") or {}).get("character") or line.how.get("character") or "")
    owners = moved_keys.users_of(bpy.data.actions[line.action])
    known = bpy.data.objects.get(chosen)
    if known is not None and (not owners or known in owners or getattr(known.data, "shape_keys", None) in owners):
        return chosen       # else it was renamed, or this is a copy with keys of its own
    for owner in owners:
        if isinstance(owner, bpy.types.Object):
            return owner.name
        found = next((obj.name for obj in bpy.data.objects if getattr(obj.data, "shape_keys", None) == owner), "")
        if found:
            return found
    return chosen


def _in_tweak_mode(action: bpy.types.Action) -> bool:
    return any(owner.animation_data is not None and owner.animation_data.use_tweak_mode for owner in moved_keys.users_of(action))
