"""The button "Update Moved Strips": moves what can be moved, and runs the model for what cannot."""

from __future__ import annotations

from functools import partial

import bpy

from ... import engine
from ..host.operator_base import OnWorker, redraw
from ..host.translations import translate, translate_plural
from . import work


class UNITALKER_OT_follow(OnWorker, bpy.types.Operator):
    """Move the lip sync of this file to where its strips lie now."""

    bl_idname = "unitalker.follow"
    bl_label = "Update Moved Strips"
    bl_description = (
        "Move the lip sync of this file to where its strips lie now. Listens only where that is needed: more of a "
        "strip is heard than before (only the new frames are made), another speed, another frame rate (all of it is "
        "made again)"
    )
    bl_options = {'REGISTER', 'UNDO'}

    def _gather(self, context: bpy.types.Context) -> object:
        report = work().update()
        self._moved, self._stuck = report.moved, report.stuck
        return partial(work().compute, work().gather(context, report.left))

    def _finish(self, context: bpy.types.Context, result: object) -> set[str]:
        made, problems, remakes = 0, [f"{sentence}." for sentence in self._stuck], []
        try:
            remakes = result()
        except engine.Cancelled:
            problems.append(translate("Cancelled: what needs listening was not made."))
        for remake in remakes:
            try:
                problems += [f"{remake.change.line.name!r}: {warning}" for warning in work().write(remake)]
                made += 1
            except engine.EngineError as error:
                problems.append(f"{remake.change.line.name!r}: {error}")
        return self._tell(context, made, problems)

    def _tell(self, context: bpy.types.Context, made: int, problems: list[str]) -> set[str]:
        parts = [translate_plural(self._moved, "1 take moved", "{} takes moved")] if self._moved else []
        parts += [translate("{} made again", made)] if made else []
        nothing = translate("Nothing was changed") if problems else translate("All takes lie where their sound is")
        line = f"{', '.join(parts) or nothing}."
        context.scene.unitalker_cast.follow_note = " ".join((line, *problems)) if problems else ""
        self.report({'WARNING' if problems else 'INFO'}, " ".join((line, *problems)))
        redraw(context)
        return {'FINISHED'} if self._moved or made else {'CANCELLED'}

    def _fail(self, _context: bpy.types.Context, error: Exception) -> set[str]:
        self.report({'ERROR'}, str(error))
        return {'CANCELLED'}


CLASSES = (UNITALKER_OT_follow,)
