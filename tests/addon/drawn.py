"""Panels drawn without a window: a layout that checks every call against Blender's own description of it, and keeps the
texts.

Wrong names of properties, operators, menus and arguments show here, on every Blender version, though nothing can be
seen.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import bpy

INNER = ("row", "column", "box", "split", "grid_flow", "column_flow")
WIDTH_PX = 280


class Layout:
    """Stands for a bpy.types.UILayout.

    Attributes:
        texts: what a user would read, in order: labels, given titles of buttons, else the properties' and operators'
            own names.
        buttons: (operator id, its label) in order.
        labels: texts of labels, in order, those that are blank too.
        own: texts that Blender must not translate: names of the user's, or sentences that were translated before.
    """

    def __init__(self, drawn: Layout | None = None) -> None:
        self.texts: list[str] = drawn.texts if drawn else []
        self.buttons: list[tuple[str, str]] = drawn.buttons if drawn else []
        self.own: list[str] = drawn.own if drawn else []
        self.labels: list[str] = drawn.labels if drawn else []
        self.pointers: dict[str, object] = dict(drawn.pointers) if drawn else {}

    def __getattr__(self, name: str) -> Callable[..., object]:
        function = bpy.types.UILayout.bl_rna.functions[name]        # KeyError: Blender has no such call
        names = [parameter.identifier for parameter in function.parameters if not parameter.is_output]

        def call(*values: object, **given: object) -> object:
            given = {**dict(zip(names, values, strict=False)), **given}
            if given.get("translate") is False:
                self.own.append(str(given.get("text", "")))
            unknown = set(given) - set(names)
            assert not unknown, f"layout.{name} has no {unknown}"
            return self._drawn(name, given)

        return call

    def _drawn(self, name: str, given: dict[str, object]) -> object:
        if name in INNER:
            self._say(given.get("heading"))
            return Layout(self)
        if name in ("panel", "panel_prop"):
            return Layout(self), Layout(self)
        if name == "context_pointer_set":
            self.pointers[given["name"]] = given["data"]
        elif name == "operator":
            return self._operator(given)
        elif name in ("prop", "prop_search", "template_ID", "prop_enum"):
            self._prop(name, given)
        elif name in ("menu", "popover"):
            kind = getattr(bpy.types, given.get("menu") or given.get("panel"))
            self._say(given.get("text", kind.bl_label))
        elif name == "template_list":
            self._rows(given)
        else:
            if name == "label":
                self.labels.append(str(given.get("text", "")))
            self._say(given.get("text"))
        return None

    def _say(self, text: object) -> None:
        if text:
            self.texts.append(text)

    def _operator(self, given: dict[str, object]) -> object:
        group, _, verb = given["operator"].partition(".")
        rna = getattr(getattr(bpy.ops, group), verb).get_rna_type()
        text = given.get("text", rna.name)
        self.buttons.append((given["operator"], text))
        self._say(text)
        return _Given(rna)

    def _prop(self, name: str, given: dict[str, object]) -> None:
        data, prop = given["data"], given["property"]
        known = data.bl_rna.properties[prop]                        # KeyError: no such property
        assert name != "template_ID" or known.type == 'POINTER'
        self._say(given.get("text", "" if name == "template_ID" else known.name))
        self._say(given.get("placeholder"))
        if known.type == 'ENUM' and given.get("expand"):
            self.texts.extend(item.name for item in known.enum_items)

    def _rows(self, given: dict[str, object]) -> None:
        kind, rows = getattr(bpy.types, given["listtype_name"]), getattr(given["dataptr"], given["propname"])
        assert given["active_propname"] in given["active_dataptr"].bl_rna.properties
        shown = _Self(
            kind, filter_name="", use_filter_invert=False, use_filter_sort_alpha=False, bitflag_filter_item=1 << 30,
            layout_type='DEFAULT',
        )
        if hasattr(kind, "filter_items"):
            kind.filter_items(shown, context(), given["dataptr"], given["propname"])
        for number, row in enumerate(rows):
            values = (
                shown, context(), Layout(self), given["dataptr"], row, 0, given["active_dataptr"],
                given["active_propname"], number, 0,
            )
            kind.draw_item(*values[:kind.draw_item.__code__.co_argcount])


class _Given:
    """What layout.operator gives: takes only properties that the operator has."""

    def __init__(self, rna: bpy.types.Struct) -> None:
        object.__setattr__(self, "rna", rna)

    def __setattr__(self, name: str, value: object) -> None:
        assert name in self.rna.properties, f"{self.rna.identifier} has no {name}"


class _Self:
    """Stands for an instance of a panel, menu or list class."""

    def __init__(self, kind: type, **values: object) -> None:
        self.__dict__.update(values)
        self.kind = kind

    def __getattr__(self, name: str) -> object:
        found = getattr(self.__dict__["kind"], name)
        return found.__get__(self) if callable(found) and not isinstance(found, type) else found


class Context:
    """bpy.context with a region, an area and a space of the wanted kind."""

    def __init__(self, space: str) -> None:
        self.region = SimpleNamespace(width=WIDTH_PX, height=900, type='UI')
        self.window = SimpleNamespace(height=900)
        self.area = SimpleNamespace(type=space, width=900, height=900, tag_redraw=lambda: None)
        # 0 in the module
        self.preferences = SimpleNamespace(system=SimpleNamespace(ui_scale=1.0), addons=bpy.context.preferences.addons)
        self.space_data = SimpleNamespace(type=space, mode='SHAPEKEY', ui_mode='SHAPEKEY')

    def __getattr__(self, name: str) -> object:
        return getattr(bpy.context, name)


def context(space: str = 'VIEW_3D') -> Context:
    """As a panel of this space sees it."""
    return Context(space)


def draw(kind: type, space: str = 'VIEW_3D') -> Layout:
    """Draw a panel or menu, its header too; poll is left to the caller."""
    layout = Layout()
    drawn = _Self(kind, layout=layout)
    for part in ("draw_header", "draw_header_preset"):
        if hasattr(kind, part) and part in _own(kind):
            getattr(kind, part)(drawn, context(space))
    kind.draw(drawn, context(space))
    return layout


def panels(space: str = 'VIEW_3D') -> list[type]:
    """Our panels of one editor's sidebar that are shown now, in their order."""
    found = [
        kind
        for kind in bpy.types.Panel.__subclasses__() + _deeper()
        if _ours(kind) and kind.bl_space_type == space and kind.bl_region_type == 'UI'
    ]
    shown = [kind for kind in dict.fromkeys(found) if not hasattr(kind, "poll") or kind.poll(context(space))]
    return sorted(shown, key=lambda kind: getattr(kind, "bl_order", 0))


def _deeper() -> list[type]:
    return [getattr(bpy.types, name) for name in dir(bpy.types) if name.startswith("UNITALKER_PT_")]


def _ours(kind: type) -> bool:
    return kind.__name__.startswith("UNITALKER_PT_") and getattr(bpy.types, kind.__name__, None) is kind


def _own(kind: type) -> set[str]:
    return {name for base in kind.__mro__ if base.__module__.startswith("bl_ext") for name in vars(base)}
