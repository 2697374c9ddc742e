"""What can go wrong in a way that the user can fix.

Every message says what is wrong with its value, the limit, and the next step. A bug is never such an error: it keeps
its traceback.
"""

from .messages import printable


class EngineError(Exception):
    """Base of all errors that are shown to the user as one line; names in it may come from files of anybody."""

    def __str__(self) -> str:
        return printable(super().__str__())


class AudioError(EngineError):
    """The sound cannot be used: missing, empty, corrupt, not finite, too short."""


class ModelError(EngineError):
    """A model folder cannot be used: missing file, wrong hash, wrong shape, newer schema."""


class SettingError(EngineError):
    """An option is outside its range or names something that does not exist."""


class PresetError(EngineError):
    """A preset cannot be used: not JSON, a field that is wrong, too large, or it finds nothing on the rig."""


class TeachError(EngineError):
    """A take cannot be taught: too short, nothing in it moves, or a taught file that is damaged."""


class RigError(EngineError):
    """The character cannot be keyed: no shape keys, linked data, gone."""


class NoPresetError(RigError):
    """No preset moves anything on the character.

    Attributes:
        lack: what the character has, and which preset comes closest.
        ways: the ways on, which the panel draws as buttons.
    """

    def __init__(self, lack: str, ways: str) -> None:
        super().__init__(f"{lack} {ways}")
        self.lack, self.ways = lack, ways


class OutputError(EngineError):
    """A result cannot be written."""


class InstallError(EngineError):
    """A package that comes with the extension cannot be loaded: missing, damaged, or made for another system."""


class Cancelled(EngineError):
    """The user stopped the work; nothing was written."""
