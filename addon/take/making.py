"""What operators of takes have in common: grey without a take, they write one and show in the panel what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import bpy

from ... import engine
from ..actions.ledger import OWNER
from ..host.operator_base import OnWorker, redraw
from ..host.polls import only_if
from ..host.translations import translate
from ..keying import BeyondSliders
from . import work

NO_TAKE = "This file has no lip sync yet: press Generate Lip Sync first"
BUG = "A bug stopped the lip sync: see the traceback in the system console."


def has_take(cls: type[bpy.types.Operator]) -> bool:
    """Whether there is a lip sync at all: a quick look, for polls."""
    return only_if(cls, any(OWNER in action for action in bpy.data.actions), NO_TAKE)


class MakesTake(OnWorker):
    """Mixed into an operator whose `_gather` keeps the take's request as `_request` and gives the work on it."""

    def _finish(self, context: bpy.types.Context, result: Callable[[], object]) -> set[str]:
        """Write what result() gives, and say so."""
        try:
            summary = self._write(context, result)
        except engine.Cancelled:
            return self._say(context, 'INFO', translate("Cancelled: nothing was written."), failed=False)
        except BeyondSliders as error:
            if bpy.app.background:
                return self._fail(context, error)
            title = translate("The motion goes beyond some sliders")
            context.window_manager.popup_menu(_ask_sliders, title=title, icon='QUESTION')
            return self._say(context, 'WARNING', str(error))       # the popup of an error would hide the question
        except engine.EngineError as error:
            return self._fail(context, error)
        except Exception:
            self._say(context, 'ERROR', BUG)
            raise
        for warning in summary.warnings:
            self.report({'WARNING'}, warning)
        self._say(context, 'INFO', summary.words, failed=False)
        show_summary(context, summary)
        return {'FINISHED'}

    def _write(self, _context: bpy.types.Context, result: Callable[[], object]) -> object:
        return work().make.write(self._request, result())

    def _fail(self, context: bpy.types.Context, error: Exception) -> set[str]:
        return self._say(context, 'ERROR', str(error))

    def _say(self, context: bpy.types.Context, kind: str, line: str, failed: bool = True) -> set[str]:
        show_result(context, line, failed)
        self.report({kind}, line)
        redraw(context)
        return {'CANCELLED'}


def show_result(context: bpy.types.Context, line: str, failed: bool = False, details: Sequence[str] = ()) -> None:
    """One line, and others under it, as the last result in the panel."""
    settings = context.scene.unitalker
    settings.result, settings.result_details, settings.result_failed = line, "\n".join(details), failed
    settings.result_mapped = settings.result_missing = settings.result_counts = ""
    settings.result_warnings = 0


def show_summary(context: bpy.types.Context, summary: object) -> None:
    """What make.write gave, as the last result in the panel."""
    show_result(context, translate("{}. Press Space.", summary.words), details=(*summary.warnings, *summary.notes))
    settings = context.scene.unitalker
    settings.result_counts, settings.result_warnings = summary.line, len(summary.warnings)
    settings.result_mapped, settings.result_missing = "\n".join(summary.mapped), "\n".join(summary.missing)


def _ask_sliders(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    """Both ways to go on; the sound is not listened to again."""
    menu.layout.operator_context = 'INVOKE_DEFAULT'
    raising = menu.layout.operator("unitalker.animate", text="Raise the Sliders", icon='SORT_DESC')
    clipping = menu.layout.operator("unitalker.animate", text="Clip the Values", icon='REMOVE')
    raising.sliders, clipping.sliders = 'RAISE', 'CLIP'
    raising.add_strip = clipping.add_strip = True
