"""The panel "From Vertices" below Match by Shape: choose a moving mesh, get keys. What it does lives in vertices.py."""

import bpy
from bpy.props import FloatProperty, PointerProperty

from ..host.editors import in_3d_view
from ..host.layout import paragraph
from ..host.polls import only_if
from ..host.steps import InSteps, Work


def _is_mesh(_group: bpy.types.PropertyGroup, obj: bpy.types.Object) -> bool:
    return obj.type == 'MESH'


class UNITALKER_PG_vertices(bpy.types.PropertyGroup):
    source: PointerProperty(
        name="Moving Mesh", type=bpy.types.Object, poll=_is_mesh,
        description="A mesh of the character's topology whose vertices move: a FLAME or VOCASET head, a capture, a point cache",
    )
    smooth: FloatProperty(name="Smooth", description="How much changes from frame to frame are avoided; 0 takes each frame alone", min=0, max=10, soft_max=2)


class UNITALKER_OT_shape_solve(InSteps, bpy.types.Operator):
    """Find the slider values that move the character's vertices as those of the moving mesh, on the preview range or all frames, and key them as a take"""

    bl_idname = "unitalker.shape_solve"
    bl_label = "Keys from Vertices"
    bl_options = {'REGISTER', 'UNDO'}

    TITLE = "Reading vertices"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """With a mesh to read, in object mode, while nothing else is made."""
        if not cls.free():
            return False
        return only_if(cls, context.scene.unitalker_vertices.source is not None, "Choose a Moving Mesh first") \
            and only_if(cls, context.mode in ('OBJECT', 'POSE'), "Leave Edit Mode first")

    def _work(self, context: bpy.types.Context) -> Work:
        from . import vertices

        chosen = context.scene.unitalker_vertices
        return vertices.solve(vertices.gather(context, chosen.source, chosen.smooth))

    def _end(self, context: bpy.types.Context) -> set[str]:
        """Write what was solved: an error of that, too, is one line."""
        from ... import engine

        try:
            return super()._end(context)
        except engine.EngineError as error:
            self.report({'ERROR'}, str(error))
            return {'CANCELLED'}

    def _finish(self, context: bpy.types.Context, result: object) -> None:
        from . import vertices

        text, warnings = vertices.write(context, result)
        for warning in warnings:
            self.report({'WARNING'}, warning)
        self.report({'INFO'}, text)


class Vertices:
    bl_idname = "UNITALKER_PT_vertices"
    bl_label = "From Vertices"
    bl_parent_id = "UNITALKER_PT_shapes"
    bl_options = {'DEFAULT_CLOSED'}

    def draw(self, context: bpy.types.Context) -> None:
        """What to read, and the button."""
        layout, chosen = self.layout, context.scene.unitalker_vertices
        paragraph(context, layout, "Turns the motion of another mesh's vertices into keys of the character, where both have one topology.")
        column = layout.column()
        column.use_property_split, column.use_property_decorate = True, False
        column.prop(chosen, "source")
        column.prop(chosen, "smooth")
        layout.operator("unitalker.shape_solve", icon='MOD_MESHDEFORM')


CLASSES = (UNITALKER_PG_vertices, UNITALKER_OT_shape_solve, *in_3d_view(Vertices))


def register() -> None:
    """What is chosen belongs to the scene."""
    bpy.types.Scene.unitalker_vertices = PointerProperty(type=UNITALKER_PG_vertices)


def unregister() -> None:
    """Take it away."""
    del bpy.types.Scene.unitalker_vertices
