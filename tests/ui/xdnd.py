"""Drop a file on a window as a file manager does, by the XDND protocol: python3 xdnd.py FILE X Y (pixels from the
screen's top left corner).

Only ctypes and libX11, so that it runs wherever the tests have a display. Ends with status 0 when the window has taken
the file.
"""

import ctypes
import sys
import time
from pathlib import Path

VERSION = 5                     # of the protocol
CLIENT_MESSAGE, SELECTION_REQUEST, SELECTION_NOTIFY, PROPERTY_REPLACE = 33, 30, 31, 0
WAIT_S = 10.0
Window = Atom = ctypes.c_ulong


class ClientMessage(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("sent", ctypes.c_int), ("display", ctypes.c_void_p),
        ("window", Window), ("kind", Atom), ("format", ctypes.c_int), ("data", ctypes.c_long * 5),
    ]


class SelectionRequest(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("sent", ctypes.c_int), ("display", ctypes.c_void_p),
        ("owner", Window), ("requestor", Window), ("selection", Atom), ("target", Atom), ("property", Atom),
        ("time", ctypes.c_ulong),
    ]


class SelectionNotify(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("sent", ctypes.c_int), ("display", ctypes.c_void_p),
        ("requestor", Window), ("selection", Atom), ("target", Atom), ("property", Atom), ("time", ctypes.c_ulong),
    ]


class Event(ctypes.Union):
    _fields_ = [
        ("type", ctypes.c_int), ("client", ClientMessage), ("request", SelectionRequest), ("notify", SelectionNotify),
        ("pad", ctypes.c_long * 24),
    ]


class Source:
    """The file manager: one small window that owns the dragged file."""

    def __init__(self, path: str) -> None:
        self.x = ctypes.CDLL("libX11.so.6")
        for name, result in (
            ("XOpenDisplay", ctypes.c_void_p), ("XInternAtom", Atom), ("XDefaultRootWindow", Window),
            ("XCreateSimpleWindow", Window),
        ):
            getattr(self.x, name).restype = result
        self.display = ctypes.c_void_p(self.x.XOpenDisplay(None))
        assert self.display, "no display"
        self.root = Window(self.x.XDefaultRootWindow(self.display))
        self.window = Window(self.x.XCreateSimpleWindow(self.display, self.root, 0, 0, 1, 1, 0, Atom(0), Atom(0)))
        self.uris = (Path(path).resolve().as_uri() + "\r\n").encode()
        self.x.XSetSelectionOwner(self.display, self.atom("XdndSelection"), self.window, ctypes.c_ulong(0))

    def atom(self, name: str) -> Atom:
        return Atom(self.x.XInternAtom(self.display, name.encode(), 0))

    def target(self, left: int, top: int) -> Window:
        """The window under the pointer that takes files."""
        self.x.XWarpPointer(self.display, Window(0), self.root, 0, 0, 0, 0, left, top)
        at = self.root
        while True:
            if self._aware(at):
                return at
            root, child, numbers = Window(), Window(), [ctypes.c_int() for _ in range(4)]
            mask = ctypes.c_uint()
            self.x.XQueryPointer(
                self.display, at, ctypes.byref(root), ctypes.byref(child), *map(ctypes.byref, numbers),
                ctypes.byref(mask),
            )
            assert child.value, "nothing under the pointer takes files"
            at = child

    def _aware(self, window: Window) -> bool:
        kind, size, count, left, data = Atom(), ctypes.c_int(), ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_void_p()
        self.x.XGetWindowProperty(
            self.display, window, self.atom("XdndAware"), ctypes.c_long(0), ctypes.c_long(1), 0, Atom(0),
            ctypes.byref(kind), ctypes.byref(size),
            ctypes.byref(count), ctypes.byref(left), ctypes.byref(data),
        )
        return count.value > 0

    def tell(self, target: Window, kind: str, *data: int) -> None:
        event = Event()
        event.client = ClientMessage(
            CLIENT_MESSAGE, 0, 1, self.display, target, self.atom(kind), 32,
            (ctypes.c_long * 5)(self.window.value, *data),
        )
        self.x.XSendEvent(self.display, target, 0, ctypes.c_long(0), ctypes.byref(event))
        self.x.XFlush(self.display)

    def wait_for(self, kind: str) -> ClientMessage:
        """Answer requests for the file until the other side tells this."""
        end, wanted = time.monotonic() + WAIT_S, self.atom(kind).value
        while time.monotonic() < end:
            while self.x.XPending(self.display):
                event = Event()
                self.x.XNextEvent(self.display, ctypes.byref(event))
                if event.type == SELECTION_REQUEST:
                    self._give(event.request)
                elif event.type == CLIENT_MESSAGE and event.client.kind == wanted:
                    return event.client
            time.sleep(0.02)
        raise TimeoutError(f"no {kind} within {WAIT_S} s")

    def _give(self, request: SelectionRequest) -> None:
        self.x.XChangeProperty(
            self.display, Window(request.requestor), Atom(request.property), Atom(request.target), 8, PROPERTY_REPLACE,
            self.uris, len(self.uris),
        )
        event = Event()
        event.notify = SelectionNotify(
            SELECTION_NOTIFY, 0, 1, self.display, request.requestor, request.selection, request.target,
            request.property, request.time,
        )
        self.x.XSendEvent(self.display, Window(request.requestor), 0, ctypes.c_long(0), ctypes.byref(event))
        self.x.XFlush(self.display)


def drop(path: str, left: int, top: int) -> None:
    """The whole conversation: enter, move, let go, hand over."""
    source = Source(path)
    target = source.target(left, top)
    source.tell(target, "XdndEnter", VERSION << 24, source.atom("text/uri-list").value, 0, 0)
    for offset in (4, 0):       # as a hand comes to rest
        source.tell(target, "XdndPosition", 0, ((left + offset) << 16) | top, 0, source.atom("XdndActionCopy").value)
        assert source.wait_for("XdndStatus").data[1] & 1, "the window does not take it"
        time.sleep(0.3)
    source.tell(target, "XdndDrop", 0, 0, 0, 0)
    source.wait_for("XdndFinished")


if __name__ == "__main__":
    drop(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
