"""The button "Update Moved Strips": moves what can be moved, and listens to what cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import bpy

from ..host.operator_base import OnWorker, redraw
from ..host.translations import translate, translate_plural


@dataclass(frozen=True)
class _Work:
    """A change that needs the sound: one request for each stretch of frames, or why there is none."""

    change: object
    requests: tuple[object, ...]
    problem: str = ""


def _show_none(_fraction: float) -> None:
    """Progress that nobody looks at: without a window."""


def _never() -> bool:
    """Nobody cancels without a window."""
    return False


class UNITALKER_OT_follow(OnWorker, bpy.types.Operator):
    """Move the lip sync of this file to where its strips lie now. Listens only where that is needed: more of a strip is heard than before (only the new frames are made), another speed, another frame rate (all of it is made again)"""

    bl_idname = "unitalker.follow"
    bl_label = "Update Moved Strips"
    bl_options = {'REGISTER', 'UNDO'}

    def _gather(self, context: bpy.types.Context) -> object:
        from ... import engine
        from . import follow

        self._report = follow.update()
        works = []
        for change in self._report.left:
            try:
                works.append(_Work(change, tuple(follow.listen(context, change))))
            except engine.EngineError as error:
                works.append(_Work(change, (), str(error)))
        return partial(_compute, works)

    def _finish(self, context: bpy.types.Context, result: object) -> set[str]:
        """Write what result() gives, and say what was done."""
        from ... import engine
        from ..take import make as take
        from . import follow

        made, problems = 0, []
        try:
            for work, animations, problem in result():
                try:
                    if problem:
                        raise engine.EngineError(problem)
                    for request, animation in zip(work.requests, animations, strict=True):
                        take.write(request, animation)
                    follow.settle(work.change)
                    made += 1
                except engine.EngineError as error:
                    problems.append(f"{work.change.line.name!r}: {error}")
        except engine.Cancelled:
            problems.append(translate("Cancelled: what needs listening was not made."))
        return self._tell(context, made, problems)

    def _tell(self, context: bpy.types.Context, made: int, problems: list[str]) -> set[str]:
        moved = self._report.moved
        parts = [translate_plural(moved, "1 take moved", "{} takes moved")] if moved else []
        parts += [translate("{} made again", made)] if made else []
        line = ", ".join(parts) or (translate("Nothing was changed") if problems else translate("All takes lie where their sound is"))
        context.scene.unitalker_cast.follow_note = " ".join((*((f"{line}.",) if problems else ()), *problems))
        self.report({'WARNING' if problems else 'INFO'}, " ".join((f"{line}.", *problems)))
        redraw(context)
        return {'FINISHED'} if moved or made else {'CANCELLED'}

    def _fail(self, _context: bpy.types.Context, error: Exception) -> set[str]:
        self.report({'ERROR'}, str(error))
        return {'CANCELLED'}


def _compute(
    works: list[_Work], progress: Callable[[float], None] = _show_none, cancelled: Callable[[], bool] = _never,
) -> list[tuple[_Work, tuple[object, ...], str]]:
    """Run the engine for each change: no Blender data, any thread. Raises Cancelled."""
    from ... import engine
    from ..take import make as take

    done = []
    for number, work in enumerate(works):
        def part(fraction: float, number: int = number) -> None:
            progress((number + fraction) / len(works))

        try:
            animations = tuple(take.compute(request, part, cancelled) for request in work.requests)
            done.append((work, animations, work.problem))
        except engine.Cancelled:
            raise
        except engine.EngineError as error:
            done.append((work, (), str(error)))
    return done


CLASSES = (UNITALKER_OT_follow,)
