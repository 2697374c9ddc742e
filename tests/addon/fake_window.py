"""A window for operators that wait: Blender's Python module has no event loop, so tests send the events by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace

import bpy
import pytest

LIMIT_S = 20        # so long a test waits for a worker


class FakeOperator:
    """What Blender makes of an operator class, without a window: the same methods on plain attributes."""

    def __init__(self, cls: type, given: dict[str, object]) -> None:
        self.cls = cls
        self.reports: list[tuple[str, str]] = []
        self.values = given
        self.properties = SimpleNamespace(is_property_set=lambda name: name in given)

    def report(self, kind: set[str], text: str) -> None:
        self.reports.append((next(iter(kind)), text))

    def __getattr__(self, name: str) -> object:
        if name in self.__dict__.get("values", {}):
            return self.values[name]
        declared = [vars(base).get("__annotations__", {}).get(name) for base in self.cls.__mro__]
        if not hasattr(self.cls, name) and any(declared):       # a property that Blender would have made
            return next(filter(None, declared)).keywords.get("default", False)
        found = getattr(self.cls, name)
        return found.__get__(self) if callable(found) and not isinstance(found, type) else found


class FakeContext:
    """bpy.context with a window manager that counts timers and a status bar that keeps its text."""

    window = None

    def __init__(self) -> None:
        self.timers = 0
        self.status: str | None = None
        self.window_manager = SimpleNamespace(
            windows=(), event_timer_add=self._add, event_timer_remove=self._remove,
            modal_handler_add=lambda _operator: True,
            popup_menu=lambda *_args, **_kwargs: None,
        )
        self.workspace = SimpleNamespace(status_text_set=self._tell)

    def _add(self, _step: float, window: object = None) -> object:
        self.timers += 1
        return object()

    def _remove(self, _timer: object) -> None:
        self.timers -= 1

    def _tell(self, text: str | None) -> None:
        self.status = text

    def __getattr__(self, name: str) -> object:
        return getattr(bpy.context, name)


def show_window(monkeypatch: pytest.MonkeyPatch) -> FakeContext:
    """A context with a window; bpy.app says that there is one."""
    monkeypatch.setattr("bpy.app", _AppWithWindow(bpy.app), raising=False)
    return FakeContext()


class _AppWithWindow:
    background = False

    def __init__(self, app: object) -> None:
        self._app = app

    def __getattr__(self, name: str) -> object:
        return getattr(self._app, name)


def event(kind: str, value: str = 'NOTHING') -> SimpleNamespace:
    """What Blender sends to a modal operator."""
    return SimpleNamespace(type=kind, value=value)


def wait_for(done: Callable[[], bool]) -> None:
    """Wait until a worker has done something."""
    end = time.monotonic() + LIMIT_S
    while not done():
        assert time.monotonic() < end, "the worker does not end"
        time.sleep(0.005)


def tick_to_end(operator: FakeOperator, context: FakeContext) -> set[str]:
    """Send timer events until the operator ends."""
    end = time.monotonic() + LIMIT_S
    while True:
        result = operator.modal(context, event('TIMER'))
        if result <= {'FINISHED', 'CANCELLED'}:
            return result
        assert time.monotonic() < end, "the operator does not end"
        time.sleep(0.005)
