"""Keep the style that the panel names in a small file, to be chosen again in any shot."""

from pathlib import Path

import bpy
from bpy.props import StringProperty

from ... import engine
from ..host.preferences import engine_preferences
from ..host.scene import scene_fps
from ..host.translations import translate
from ..take import work
from ..take.options import Options
from ..take.properties import collect


class UNITALKER_OT_style_save(bpy.types.Operator):
    bl_idname = "unitalker.style_save"
    bl_label = "Save Style As"
    bl_description = "Write this manner of moving to a small file; choose it under Style From: File in any scene"

    filepath: StringProperty(name="Style File", description="Ends in .style.json", subtype='FILE_PATH')
    filter_glob: StringProperty(default="*.style.json", options={'HIDDEN'})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask where to, with the reference's name."""
        settings = context.scene.unitalker
        action = settings.reference_action
        name = action.name if settings.style_from == 'ACTION' and action else Path(settings.reference).stem
        self.filepath = bpy.path.clean_name(name or "manner") + engine.STYLE_SUFFIX
        context.window_manager.fileselect_add(self)
        return {'RUNNING_MODAL'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Look at the reference and write its style."""
        path = Path(bpy.path.abspath(self.filepath))
        if not path.name:
            self.report({'ERROR'}, translate("No file is chosen. Give a name that ends in .style.json."))
            return {'CANCELLED'}
        if not path.name.endswith(engine.STYLE_SUFFIX):
            path = path.with_name(path.name.removesuffix(".json") + engine.STYLE_SUFFIX)
        fps = scene_fps(context.scene)
        try:
            options = Options(**collect(context, {}))
            settings = work().make.settings_of(options, engine_preferences(context), fps)
            warnings = engine.style_file(settings, path.name.removesuffix(engine.STYLE_SUFFIX), path)
        except engine.EngineError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        for warning in warnings:
            self.report({'WARNING'}, warning)
        self.report({'INFO'}, translate("Saved style {}", path.name))
        return {'FINISHED'}


CLASSES = (UNITALKER_OT_style_save,)
