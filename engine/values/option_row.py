"""A row of the table of options, and how rows become settings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Filled = TypeVar("Filled", bound=DataclassInstance)

Value = bool | int | float | str

_KINDS = {bool: 'BOOLEAN', int: 'INT', float: 'FLOAT', str: 'STRING'}

# What a row belongs to (Option.role).
LINE = "line"           # what is spoken by whom, and when
STYLE = "style"         # how it looks
PLACE = "place"         # where the keys go
RUN = "run"             # one run of the engine: Blender's scene and preferences say it, the command line asks


@dataclass(frozen=True)
class Flag:
    """How the engine's command line asks for an option; the default is that of Settings.

    Attributes:
        name: without the dashes. help: its line in --help.
        metavar: what stands for the value in --help; None takes the name.
        alone: the value that the flag means without one; there is a --no-NAME too. None where it needs a value.
        repeats: it may be given several times.
    """

    name: str
    help: str
    metavar: str | None = None
    alone: float | None = None
    repeats: bool = False


@dataclass(frozen=True)
class Option:
    """One row of the table.

    Attributes:
        name: of Blender's property, of the field of a jobs file and of a note; with dashes, of the flag in Blender.
        default: of the property; its type is the option's. For an enum the id of an item.
        title, help: name and tooltip in the panel; without a title Blender does not offer it.
        low, high: range of a number.
        soft_low, soft_high: ends of its slider where those are narrower; None takes the range.
        items: (id, title, tooltip) of what an enum offers; empty for all else.
        unit: "factor" (drawn as a slider), "percent", "frames", "file", "folder", or "".
        points_to: kind of the data-block that the panel picks and scripts name, such as "Object"; else empty.
        sets: what it sets, such as "Settings.gains.jaw"; empty where a function of the add-on combines it with others.
        switch: name of the option without which it does nothing; giving this one switches that one on.
        off: what is set while the switch is off.
        role: LINE, STYLE, PLACE or RUN.
        live: the Live switch applies a change at once, since it needs no second look at the sound.
        preset: which of the user's presets keep it: "style" (where live options are too), "output" or none.
        section: the part of the panel that draws it, in the order of the table; empty where a panel draws it by hand.
        flag: on the engine's command line; None where only Blender has it.
        digits: shown after the point. step: of the arrows beside a number.
        own_word: its title means something else elsewhere in Blender, so it has a translation of its own.
    """

    name: str
    default: Value
    title: str = ""
    help: str = ""
    low: float = -math.inf
    high: float = math.inf
    soft_low: float | None = None
    soft_high: float | None = None
    items: tuple[tuple[str, str, str], ...] = ()
    unit: str = ""
    points_to: str = ""
    sets: str = ""
    switch: str = ""
    off: float | None = 0.0
    role: str = STYLE
    live: bool = False
    preset: str = ""
    section: str = ""
    flag: Flag | None = None
    digits: int = 2
    step: float = 0.03
    own_word: bool = False

    @property
    def kind(self) -> str:
        """Its type as Blender calls it: 'BOOLEAN', 'INT', 'FLOAT', 'STRING' or 'ENUM'."""
        return 'ENUM' if self.items else _KINDS[type(self.default)]

    @property
    def is_path(self) -> bool:
        """Whether it names a file or folder, so that a relative value counts from somewhere."""
        return self.unit in ("file", "folder")

    def accepts(self, value: object) -> bool:
        """Whether a value is of its kind; numbers are not held to their range."""
        if self.items:
            return any(value == item for item, _, _ in self.items)
        if isinstance(value, bool) or isinstance(self.default, bool):
            return isinstance(value, bool) and isinstance(self.default, bool)
        if isinstance(self.default, float):
            return isinstance(value, (int, float)) and math.isfinite(value)
        return isinstance(value, type(self.default))

    def setting(self, values: Mapping[str, Value], fps: float) -> Value | None:
        """What it sets: seconds for frames, a share for percent, `off` while its switch is off.

        Args:
            values: of all options by name.
        """
        value = values[self.name]
        if self.switch and not values[self.switch]:
            return self.off
        if self.unit == "frames":
            return float(value) / fps
        return float(value) / 100 if self.unit == "percent" else value


def settings_by(
    options: Iterable[Option], kind: str, values: Mapping[str, Value], fps: float,
) -> dict[str, Value | None]:
    """Fields of a dataclass, such as "gains.jaw", and what the options set them to.

    Args:
        kind: "Settings", or a dataclass of the add-on that `sets` of a row names.
        values: of all options by name. fps: of the scene, for what counts in frames.
    """
    rows = [option for option in options if option.sets.startswith(f"{kind}.")]
    return {option.sets.removeprefix(f"{kind}."): option.setting(values, fps) for option in rows}


def with_fields(start: Filled, fields: Mapping[str, object]) -> Filled:
    """A dataclass with other values in some fields; "gains.jaw" is the field jaw of its field gains.

    Raises:
        What the checks of the dataclass raise.
    """
    groups: dict[str, dict[str, object]] = {}
    for path, value in fields.items():
        group, _, name = path.rpartition(".")
        groups.setdefault(group, {})[name] = value
    own = groups.pop("", {})
    inner = {group: replace(getattr(start, group), **changed) for group, changed in groups.items()}
    return replace(start, **own, **inner)
