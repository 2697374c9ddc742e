"""Takes follow their strips: when one was moved, trimmed, slipped, cut or renamed, its keys go along, without running
the model again.

Keys and the notes of where they lie are in one data-block, the Action, so undo takes both back together; what undo
leaves apart is put right by the next look. That is why following makes no step of undo of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import bpy

from ...engine import Animation, Cancelled, EngineError
from ...engine.values import types
from ..keying import moved_keys, obstacles
from ..keying.moved_keys import Move
from ..keying.obstacles import names_of
from ..keying.vertex_head import SolvedMesh
from ..sound import clip as sounds
from ..take import make, takes
from . import plan
from .plan import FollowedLine, SoundChange

MAX_PASSES = 20         # pieces into which one strip was cut between two looks


@dataclass(frozen=True)
class FollowReport:
    """What `update` did and left.

    Attributes:
        moved: number of takes. behind: lines that lie behind others now. left: changes that need the sound.
        stuck: sentences on keys that should have moved and did not.
    """

    moved: int
    behind: tuple[str, ...]
    left: tuple[SoundChange, ...]
    stuck: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"{self.moved} {'take' if self.moved == 1 else 'takes'} moved"] if self.moved else []
        if self.behind:
            names = ", ".join(map(repr, self.behind))
            parts.append(f"frames of {names} lie behind another take and are hidden")
        return ". ".join((*parts, *self.stuck, *(f"{change.line.name!r}: {change.listen}" for change in self.left)))


@dataclass(frozen=True)
class Remake:
    """A change that needs the sound: a request for each stretch of frames, what the engine made, or the problem."""

    change: SoundChange
    requests: tuple[make.Request, ...] = ()
    animations: tuple[Animation | SolvedMesh, ...] = ()
    problem: str = ""


def update() -> FollowReport:
    """Move what can be moved without listening."""
    for line in list(plan.lines()):
        _take_along(line)
    moved, behind, stuck = 0, [], []
    by_action: dict[str, list[SoundChange]] = {}
    changes = plan.changes()
    for change in changes:
        by_action.setdefault(change.line.action, []).append(change)
    for name, found in by_action.items():
        action = bpy.data.actions[name]
        moves = {change.line.name: change.move for change in found if change.move is not None}
        if not moves:
            continue
        reason = next(filter(None, (obstacles.unchangeable(owner, name) for owner in moved_keys.users_of(action))), "")
        if reason:
            stuck += [f"{line!r} was not moved: {reason}".rstrip(".") for line in moves]
            continue
        moved += sum(change.is_seen for change in found)
        if locked := moved_keys.locked_in(action):
            stuck.append(f"{names_of(locked)} of {name!r}: locked, left where they are")
        for line in plan.lines_of(action):
            if line.name not in moves and (line.note.hidden or any(line.note.open_ends)):
                moves[line.name] = plan.still(line)
        behind += moved_keys.move(action, _without_rests_between(list(moves.values()), action))
    left = tuple(change for change in changes if change.listen)
    return FollowReport(moved, tuple(dict.fromkeys(behind)), left, tuple(stuck))


def gather(context: bpy.types.Context, changes: Iterable[SoundChange]) -> list[Remake]:
    """Read what the changes need that cannot be followed by moving alone."""
    remakes = []
    for change in changes:
        try:
            remakes.append(Remake(change, tuple(_requests(context, change))))
        except EngineError as error:
            remakes.append(Remake(change, problem=str(error)))
    return remakes


def compute(
    remakes: Sequence[Remake], progress: Callable[[float], None] = types.no_progress,
    cancelled: Callable[[], bool] = types.never,
) -> list[Remake]:
    """Run the engine for each change: no Blender data, any thread. Raises Cancelled."""
    done = []
    for number, remake in enumerate(remakes):
        def part(fraction: float, number: int = number) -> None:
            progress((number + fraction) / len(remakes))

        try:
            animations = tuple(make.compute(request, part, cancelled) for request in remake.requests)
            done.append(replace(remake, animations=animations))
        except Cancelled:
            raise
        except EngineError as error:
            done.append(replace(remake, problem=str(error)))
    return done


def write(remake: Remake) -> list[str]:
    """Write what was computed for a change; sentences for the artist. Raises EngineError, also of an earlier step."""
    if remake.problem:
        raise EngineError(remake.problem)
    pairs = zip(remake.requests, remake.animations, strict=True)
    warnings = [warning for request, animation in pairs for warning in make.write(request, animation).warnings]
    _settle(remake.change)
    return list(dict.fromkeys(warnings))


def _requests(context: bpy.types.Context, change: SoundChange) -> list[make.Request]:
    """One request for each stretch of frames, all of one clip. Raises EngineError."""
    scene, strip = plan.find_strip(change.line)
    clip = None
    if strip is not None:
        clip = sounds.clip_of(context, scene, strip, bpy.data.scenes.get(change.now.home) or scene)
    take = takes.find(context, _character(change.line), change.line.name)
    changes = {"clip": clip} if clip is not None else {}
    if not change.missing:
        return [takes.request(context, take, changes)]
    return [takes.request(context, take, changes, _with_fade(gap, change, take)) for gap in change.missing]


def _settle(change: SoundChange) -> None:
    """Note that a line has keys for all that can be heard of it now."""
    action = bpy.data.actions.get(change.line.action)
    line = plan.line_of(action, change.line.name) if action is not None else None
    if line is None or not change.missing:
        return      # made as a whole, with new notes
    made = line.span[0] - line.zero, line.span[1] - line.zero
    moved_keys.renote(
        action, line.name,
        lambda note: replace(note, made=made, open_ends=(False, False), whole=True, hidden="", phones_made=None),
    )


def _take_along(line: FollowedLine) -> None:
    """A cut strip makes two takes of one, a renamed one renames its take."""
    action = bpy.data.actions[line.action]
    name = line.name
    for _ in range(MAX_PASSES):
        found = plan.line_of(action, name)
        cut = plan.pieces(found) if found is not None else None
        if cut is None:
            break
        other, kept, new = cut
        moved_keys.split(action, name, kept, other, new)
    _, strip = plan.find_strip(line)
    if strip is not None and strip.name != line.clip.name and name == line.clip.name:
        moved_keys.rename(action, name, strip.name)


def _without_rests_between(moves: list[Move], action: bpy.types.Action) -> list[Move]:
    """Moves whose face does not come to rest where the sound goes on in the next strip."""
    moving = {move.line for move in moves}
    every = [*moves, *(plan.still(line) for line in plan.lines_of(action) if line.name not in moving)]
    return [replace(move, cut=(
        move.cut[0] and not any(plan.joins(other, move) for other in every),
        move.cut[1] and not any(plan.joins(move, other) for other in every),
    )) for move in moves]


def _with_fade(gap: tuple[float, float], change: SoundChange, take: takes.Take) -> tuple[float, float]:
    """A stretch without keys, and the keys beside it where the face came to rest as the sound ended there."""
    fade = moved_keys.rest_frames(change.line.fps) + float(take.choices.get("crossfade", 0) or 0)
    is_head = gap[0] < change.now.start_frame + change.line.lead + 0.5
    return (gap[0], gap[1] + fade) if is_head else (gap[0] - fade, gap[1])


def _character(line: FollowedLine) -> str:
    chosen = str(line.note.choices.get("character") or line.note.character)
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
