"""Operators on takes: load its choices, make it again, a range of it, clear it, make it mine. What they do lies in the
folder take."""

from functools import partial

import bpy
from bpy.props import IntProperty, StringProperty

from ...engine import SettingError
from ..host.operator_base import attempt, idle
from ..host.polls import only_if
from ..host.translations import translate, translate_plural
from ..sound.strips import is_gone
from ..take import work
from ..take.making import MakesTake
from ..take.properties import collect
from . import list as takes_list

NO_TAKE = "This character has no take yet: generate one first"


class _OnTake:
    """Mixed into operators on one take."""

    line: StringProperty(
        name="Take", description="Name of its strip or file; empty takes the one that is chosen in the list"
    )
    character: StringProperty(name="Character", description="Name of the object; empty takes the panel's")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Not while one is being made; the button in the panel wants a take in the list."""
        if not idle(cls):
            return False
        return (
            only_if(cls, bpy.app.background or takes_list.chosen_line(context), NO_TAKE) and context.scene is not None
        )

    def _take(self, context: bpy.types.Context) -> object:
        character = self.character or collect(context, {})["character"]
        return work().find(context, character, self.line or takes_list.chosen_line(context))

    def _with_locked(self, context: bpy.types.Context, line: str) -> str:
        """A line on what was removed, and what was not, since it is locked."""
        values = collect(context, {})
        return " ".join((line, *work().locked(
            context, self.character or values["character"], values["with_related"]
        )))


class _OnRange(_OnTake):
    """Mixed into operators on some frames."""

    start: IntProperty(
        name="Start",
        description="First frame; without it the preview range of the scene counts, else the range of the panel",
    )
    end: IntProperty(name="End", description="Last frame")

    def _span(self, context: bpy.types.Context) -> tuple[float, float]:
        """The frames given, else those of the scene; kept in the operator so that redo starts from them."""
        given = self.properties.is_property_set("start") and self.properties.is_property_set("end")
        self.start, self.end = (self.start, self.end) if given else span_of_scene(context)
        return float(self.start), float(self.end)


class _Remakes(_OnTake, MakesTake):
    """Mixed into operators that solve and write a take again; told as Generate tells it."""

    def _request_for(
        self, context: bpy.types.Context, changes: dict[str, object], span: tuple[float, float] | None
    ) -> object:
        self._request = work().request(context, self._take(context), changes, span)
        return partial(work().make.compute, self._request)


class UNITALKER_OT_take_remake(_Remakes, bpy.types.Operator):
    """Make a take again with its own choices."""

    bl_idname = "unitalker.take_remake"
    bl_label = "Re-make Take"
    bl_description = (
        "Make the take again with the choices that it was made with: its keys are replaced, also where you have "
        "changed them"
    )
    bl_options = {'REGISTER', 'UNDO'}

    def _gather(self, context: bpy.types.Context) -> object:
        return self._request_for(context, {}, None)


class UNITALKER_OT_regenerate_range(_OnRange, _Remakes, bpy.types.Operator):
    """Make some frames of a take again with the panel's style."""

    bl_idname = "unitalker.regenerate_range"
    bl_label = "Regenerate Range"
    bl_description = (
        "Make some frames of the take again, with the panel's style: keys outside stay as they are, at both ends the "
        "old motion turns into the new one"
    )
    bl_options = {'REGISTER', 'UNDO'}

    def _gather(self, context: bpy.types.Context) -> object:
        return self._request_for(context, work().style_of_panel(context), self._span(context))


class UNITALKER_OT_take_load(_OnTake, bpy.types.Operator):
    """Set the panel to the choices that the take was made with"""

    bl_idname = "unitalker.take_load"
    bl_label = "Load Choices of Take"
    bl_options = {'REGISTER', 'UNDO'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Load."""
        return attempt(self, context, lambda: work().load(context, self._take(context)), _loaded)


class UNITALKER_OT_take_clear(_OnTake, bpy.types.Operator):
    """Remove the keys of this take alone; other takes and your own keys stay"""

    bl_idname = "unitalker.take_clear"
    bl_label = "Clear Take"
    bl_options = {'REGISTER', 'UNDO'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Clear."""
        return attempt(
            self, context, lambda: work().clear(context, self._take(context)),
            lambda removed: self._with_locked(context, translate("Take removed from {}.", _channels(removed))),
        )


class UNITALKER_OT_takes_clear_gone(bpy.types.Operator):
    """Remove the keys of takes whose strips were deleted, as of a recording that was replaced; your own keys stay"""

    bl_idname = "unitalker.takes_clear_gone"
    bl_label = "Clear Takes Without Strips"
    bl_options = {'REGISTER', 'UNDO'}

    character: StringProperty(name="Character", description="Name of the object; empty takes the panel's")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Not while one is being made."""
        return idle(cls) and context.scene is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Clear them all in one undo step."""
        return attempt(self, context, lambda: self._clear(context), "{}")

    def _clear(self, context: bpy.types.Context) -> str:
        values = collect(context, {"character": self.character} if self.character else {})
        found = work().takes_of(context, values["character"], values["with_related"])
        gone = [take for take in found if take.clip is not None and is_gone(take.clip.mark, take.line)]
        if not gone:
            raise SettingError("Every take of this character has its strip: nothing was removed.")
        channels = max(work().clear(context, take) for take in gone)
        names = ", ".join(take.line for take in gone)
        return translate("{} removed from {}.", names, _channels(channels))


class UNITALKER_OT_take_mine(_OnTake, bpy.types.Operator):
    """Give a take to the artist."""

    bl_idname = "unitalker.take_mine"
    bl_label = "Make It Mine"
    bl_description = (
        "Make the take yours: its keys stay as they are, and neither Generate nor Clear nor Live ever touches them "
        "again"
    )
    bl_options = {'REGISTER', 'UNDO'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Give it away."""
        return attempt(self, context, lambda: work().forget(context, self._take(context)), _given_away)


class UNITALKER_OT_clear_range(_OnRange, bpy.types.Operator):
    """Remove the lip sync's keys inside of the range, so that you can key it by hand; keys outside stay as they are"""

    bl_idname = "unitalker.clear_range"
    bl_label = "Clear Range"
    bl_options = {'REGISTER', 'UNDO'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Clear."""
        values = collect(context, {})
        span = self._span(context)
        character = self.character or values["character"]
        return attempt(
            self, context, lambda: work().clear_frames(context, character, values["with_related"], span),
            lambda removed: self._with_locked(
                context, translate("Frames {} to {}: removed from {}.", self.start, self.end, _channels(removed)),
            ),
        )


def _loaded(number: int) -> str:
    return translate_plural(number, "1 choice loaded.", "{} choices loaded.")


def _given_away(number: int) -> str:
    return translate_plural(number, "1 curve is yours now.", "{} curves are yours now.")


def _channels(number: int) -> str:
    return translate_plural(number, "1 channel", "{} channels")


def span_of_scene(context: bpy.types.Context) -> tuple[int, int]:
    """The frames that the range buttons mean: the preview range where it is on, else the panel's range."""
    scene = context.scene
    if scene.use_preview_range:
        return scene.frame_preview_start, scene.frame_preview_end
    return scene.unitalker.range_start, scene.unitalker.range_end


CLASSES = (
    UNITALKER_OT_take_remake, UNITALKER_OT_regenerate_range, UNITALKER_OT_take_load, UNITALKER_OT_take_clear,
    UNITALKER_OT_take_mine,
    UNITALKER_OT_clear_range, UNITALKER_OT_takes_clear_gone,
)
