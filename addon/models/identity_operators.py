"""Pick one identity among hundreds: a search, a list with groups and stars, and the star itself."""

import bpy
from bpy.props import CollectionProperty, EnumProperty, IntProperty, PointerProperty, StringProperty

from ..host.operator_base import redraw
from ..host.polls import only_if
from ..host.translations import translate
from ..take import catalog
from . import identities

SLOTS = (
    ('identity', "Identity", "The speaking style"),
    ('identity_2', "Second Identity", "The style that is blended in"),
)
POPUP_WIDTH_PX = 320
ROWS = 12


def _group_items(_browser: object, context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    return [] if context is None else identities.group_items(context, context.scene.unitalker.model)


def _choose_row(browser: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    """A click on a row chooses it at once."""
    if not 0 <= browser.active < len(browser.rows):
        return
    settings, identity = context.scene.unitalker, browser.rows[browser.active].identity
    if getattr(settings, browser.slot) != identity:
        setattr(settings, browser.slot, identity)
        redraw(context)


class UNITALKER_PG_identity(bpy.types.PropertyGroup):
    """One row of the list."""

    identity: StringProperty(name="Id")
    group: StringProperty(name="Group")


class UNITALKER_PG_identities(bpy.types.PropertyGroup):
    """The open list, at WindowManager.unitalker_identities: no part of the file."""

    rows: CollectionProperty(type=UNITALKER_PG_identity)
    active: IntProperty(name="Identity", description="Click to choose", update=_choose_row)
    slot: EnumProperty(name="For", items=SLOTS)
    group: EnumProperty(name="Group", description="Show only these", items=_group_items)
    search: StringProperty(
        name="Search", description="Show only names and groups with this text", options={'TEXTEDIT_UPDATE'},
    )


def _search_items(operator: bpy.types.Operator, context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    return [] if context is None else identities.search_items(context, context.scene.unitalker.model, operator.group)


class UNITALKER_OT_identity_pick(bpy.types.Operator):
    """Search the speaking styles of the chosen model by name or group"""

    bl_idname = "unitalker.identity_pick"
    bl_label = "Search Identity"
    bl_options = {'UNDO'}
    bl_property = "identity"

    group: StringProperty(name="Group", description="Search in this group only", options={'SKIP_SAVE'})
    slot: EnumProperty(name="For", description="Which of the two", items=SLOTS, options={'SKIP_SAVE'})
    identity: EnumProperty(name="Identity", description="Speaking style", items=_search_items)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Open the list with its search field."""
        context.window_manager.invoke_search_popup(self)
        return {'INTERFACE'}        # the step of undo comes with the choice

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Choose it."""
        setattr(context.scene.unitalker, self.slot, self.identity)
        redraw(context)
        return {'FINISHED'}


class UNITALKER_OT_identity_browse(bpy.types.Operator):
    """Show all speaking styles of the chosen model with their groups and your favourites"""

    bl_idname = "unitalker.identity_browse"
    bl_label = "Browse Identities"
    bl_options = {'UNDO'}

    slot: EnumProperty(name="For", description="Which of the two", items=SLOTS, options={'SKIP_SAVE'})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """A model that can be opened has identities."""
        problem = catalog.model_problem(context.scene.unitalker)
        if problem:
            cls.poll_message_set(problem)
        return not problem

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Fill the list and open it."""
        fill(context, self.slot)
        self._before = getattr(context.scene.unitalker, self.slot)
        return context.window_manager.invoke_props_dialog(self, width=POPUP_WIDTH_PX)

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Every click has chosen already; this ends the one undo step."""
        return {'FINISHED'}

    def cancel(self, context: bpy.types.Context) -> None:
        """The identity that was chosen before."""
        setattr(context.scene.unitalker, self.slot, self._before)

    def draw(self, context: bpy.types.Context) -> None:
        """Search field and group, then the list."""
        browser, layout = context.window_manager.unitalker_identities, self.layout
        row = layout.row(align=True)
        row.prop(browser, "search", text="", icon='VIEWZOOM')
        row.prop(browser, "group", text="")
        layout.template_list("UNITALKER_UL_identities", "", browser, "rows", browser, "active", rows=ROWS, maxrows=ROWS)


def fill(context: bpy.types.Context, slot: str) -> None:
    """Put the chosen model's identities into the list, the chosen one active, nothing searched."""
    settings, browser = context.scene.unitalker, context.window_manager.unitalker_identities
    browser.rows.clear()
    for identity, label, group in catalog.identities(settings.model):
        row = browser.rows.add()
        row.name, row.identity, row.group = label, identity, group
    browser.slot, browser.search, browser.group = slot, "", identities.ALL
    chosen = getattr(settings, slot)
    browser.active = next((index for index, row in enumerate(browser.rows) if row.identity == chosen), -1)


def shown(context: bpy.types.Context, browser: bpy.types.PropertyGroup) -> list[bool]:
    """Which rows the search and the group let through."""
    wanted = browser.search.casefold().split()
    starred: tuple[str, ...] = ()
    if browser.group == identities.FAVOURITES:
        starred = identities.favourites(context, context.scene.unitalker.model)
    return [_is_shown(row, browser.group, wanted, starred) for row in browser.rows]


def _is_shown(row: bpy.types.PropertyGroup, group: str, wanted: list[str], starred: tuple[str, ...]) -> bool:
    """Whether a row has all wanted words and is of the group."""
    text = f"{row.name} {row.group}".casefold()
    return all(word in text for word in wanted) and (group in (identities.ALL, row.group) or row.identity in starred)


class UNITALKER_UL_identities(bpy.types.UIList):
    """One identity: star, name, group."""

    bl_idname = "UNITALKER_UL_identities"

    def draw_item(
        self, context: bpy.types.Context, layout: bpy.types.UILayout, _data: object, item: bpy.types.PropertyGroup,
        _icon: int, _active: object, _property: str,
    ) -> None:
        """Draw it."""
        starred = item.identity in identities.favourites(context, context.scene.unitalker.model)
        star = layout.operator("unitalker.favourite", text="", icon='SOLO_ON' if starred else 'SOLO_OFF', emboss=False)
        star.identity = item.identity
        split = layout.split(factor=0.65)
        split.label(text=item.name, translate=False)
        group = split.row()
        group.active = False
        group.label(text=item.group, translate=False)

    def draw_filter(self, _context: bpy.types.Context, _layout: bpy.types.UILayout) -> None:
        """The search field stands above the list."""

    def filter_items(
        self, context: bpy.types.Context, data: bpy.types.PropertyGroup, _name: str,
    ) -> tuple[list[int], list[int]]:
        """Search and group."""
        return [self.bitflag_filter_item if visible else 0 for visible in shown(context, data)], []


class UNITALKER_OT_favourite(bpy.types.Operator):
    """Give the identity a star, or take it away. Favourites stand first in the lists, in every file"""

    bl_idname = "unitalker.favourite"
    bl_label = "Toggle Favourite Identity"

    identity: StringProperty(name="Identity", description="Its id; empty takes the chosen one", options={'SKIP_SAVE'})

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Keep it in the preferences."""
        settings = context.scene.unitalker
        identity = self.identity or settings.identity
        if identity not in {name for name, _, _ in catalog.identities(settings.model)}:
            self.report({'ERROR'}, (
                f"{identity!r} is no identity of model {settings.model}. Choose one of its own, then give it a star."
            ))
            return {'CANCELLED'}
        try:
            starred = identities.toggle_favourite(context, settings.model, identity)
        except LookupError as error:
            self.report({'ERROR'}, error.args[0])
            return {'CANCELLED'}
        name = identities.label(settings.model, identity)
        if starred:
            self.report({'INFO'}, translate("{} is a favourite now.", name))
        else:
            self.report({'INFO'}, translate("{} is no favourite any more.", name))
        redraw(context)
        return {'FINISHED'}


class UNITALKER_OT_identity_single(bpy.types.Operator):
    """Blend nothing in: the first identity alone"""

    bl_idname = "unitalker.identity_single"
    bl_label = "Remove Second Identity"
    bl_options = {'REGISTER', 'UNDO'}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only where there is a second."""
        return only_if(cls, context.scene.unitalker.identity_2, "No second identity is blended in")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Empty the choice."""
        context.scene.unitalker.identity_2 = ""
        redraw(context)
        return {'FINISHED'}


def register() -> None:
    """Where the open list is kept; call it after the classes are registered."""
    bpy.types.WindowManager.unitalker_identities = PointerProperty(type=UNITALKER_PG_identities)


def unregister() -> None:
    """Take it away again."""
    del bpy.types.WindowManager.unitalker_identities


CLASSES = (
    UNITALKER_PG_identity, UNITALKER_PG_identities, UNITALKER_OT_identity_pick, UNITALKER_OT_identity_browse,
    UNITALKER_UL_identities, UNITALKER_OT_favourite, UNITALKER_OT_identity_single,
)
