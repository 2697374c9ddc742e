"""Operators of the models: add one, remove one, and their menu."""

import bpy
from bpy.props import BoolProperty, StringProperty

from ... import engine
from ..host.operator_base import redraw
from ..host.polls import only_if
from ..host.preferences import engine_preferences
from ..host.translations import translate, translate_plural
from ..take import catalog
from . import work

DEFAULT_MODEL = "mini"      # what is chosen when the chosen one was removed


class UNITALKER_OT_model_add(bpy.types.Operator):
    bl_idname = "unitalker.model_add"
    bl_label = "Add Model"
    bl_description = (
        "Check a model folder, made by `convert` or `export`, and copy it to your models folder. "
        "Choose the folder, or the model.json in it"
    )

    filepath: StringProperty(name="Model Folder", description="Folder with a model.json", subtype='FILE_PATH')
    filter_glob: StringProperty(default="*model.json", options={'HIDDEN'})
    filter_folder: BoolProperty(default=True, options={'HIDDEN'})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the folder."""
        context.window_manager.fileselect_add(self)
        return {'RUNNING_MODAL'}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Copy the folder and choose the model."""
        try:
            model = work().add(self.filepath, engine_preferences(context))
        except engine.EngineError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        catalog.refresh()
        catalog.choose_model(context.scene.unitalker, model.id)
        redraw(context)
        heads = translate_plural(len(model.heads), "1 head", "{} heads")
        identities = translate_plural(len(model.identities), "1 identity", "{} identities")
        self.report({'INFO'}, translate("Added {}: {}, {}", model.title, heads, identities))
        return {'FINISHED'}


class UNITALKER_OT_model_remove(bpy.types.Operator):
    """Delete the chosen model from your models folder; the folder it was added from stays as it is"""

    bl_idname = "unitalker.model_remove"
    bl_label = "Remove Model"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only models that were added can be removed."""
        chosen = context.scene.unitalker.model
        is_own = work().own_folder(chosen) is not None
        return only_if(cls, is_own, "{!r} is none of the models that you added: it stays", chosen)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask first."""
        chosen = context.scene.unitalker.model
        return context.window_manager.invoke_confirm(
            self, event, title="Remove Model", message=f"Delete {chosen} from your models folder?",
            confirm_text="Remove", icon='WARNING',
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Remove it and choose the bundled one."""
        settings = context.scene.unitalker
        removed = settings.model
        catalog.refresh()       # lets go of the model's files
        try:
            folder = work().remove(removed)
        except engine.EngineError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}
        catalog.choose_model(settings, DEFAULT_MODEL)
        redraw(context)
        self.report({'INFO'}, translate("Removed {}", folder))
        return {'FINISHED'}


class UNITALKER_MT_models(bpy.types.Menu):
    bl_label = "Models"

    def draw(self, _context: bpy.types.Context) -> None:
        """Add and remove, and looking again for folders."""
        self.layout.operator("unitalker.model_add", text="Add Model...", icon='FILEBROWSER')
        self.layout.operator("unitalker.model_remove", text="Remove Model...", icon='TRASH')
        self.layout.separator()
        self.layout.operator("unitalker.refresh", icon='FILE_REFRESH')


CLASSES = (UNITALKER_OT_model_add, UNITALKER_OT_model_remove, UNITALKER_MT_models)
