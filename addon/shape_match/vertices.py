"""Keys from Vertices: a mesh that moves vertex by vertex (a FLAME or VOCASET head, a capture) becomes slider values of a mesh of its topology.

The moving mesh is read frame by frame in steps (addon/host/steps.py), engine/geometry/shape_solve.py finds the values on a thread, fcurves.py writes them as a
take of its own, which the dustbin removes like any other.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import dataclass

import bpy
import numpy as np

from ...engine import EngineError, RigError
from ...engine.geometry.shape_solve import solve_weights
from ...engine.model.components import Placement, fit_placement
from ...engine.values.types import Curve, RigChannel, RigCurves
from ..host.scene import scene_fps
from ..host.translations import translate, translate_plural
from ..keying import parts
from ..keying import write as fcurves
from . import match

READ_SHARE = 0.7            # of the work, the rest is solving
WAIT_S = 0.05               # between two looks at the thread that solves
MISFIT_LIMIT = 0.05         # of the size of the face, by which two meshes of one topology may differ


@dataclass(frozen=True)
class Plan:
    """What is solved.

    Attributes:
        scene, source, mesh: names of the scene, the moving mesh and the mesh with the keys. names: of the keys.
        first, last: frames. smooth: as for solve_weights. rest: (n, 3) of the moving mesh. keys: (n_keys, n, 3) of the other one.
        placement: lays the one on the other.
    """

    scene: str
    source: str
    mesh: str
    names: tuple[str, ...]
    first: int
    last: int
    smooth: float
    rest: np.ndarray
    keys: np.ndarray
    placement: Placement


@dataclass(frozen=True)
class Solved:
    """Values (n_frames, n_keys) from 0 to 1, and the share of the movement that they leave out, 0 to 1."""

    plan: Plan
    values: np.ndarray
    left_out: float


def gather(context: bpy.types.Context, source: bpy.types.Object | None, smooth: float) -> Plan:
    """Read both meshes. Raises RigError: none is chosen, or they are not of one topology."""
    character = match.character_of(context)
    mesh = match.meshes_of(character)[0]
    if source is None or source.type != 'MESH' or source == mesh:
        raise RigError(f"No mesh is chosen whose vertices move. Choose in Moving Mesh another mesh with as many vertices as {mesh.name!r} ({len(mesh.data.vertices)}).")
    if len(source.data.vertices) != len(mesh.data.vertices):
        raise RigError(
            f"{source.name!r} has {len(source.data.vertices)} vertices, {mesh.name!r} has {len(mesh.data.vertices)}: keys can be solved between meshes of one topology alone. "
            "Choose another Moving Mesh."
        )
    driven = {channel.name for channel in character.rig("auto", ()).driven}
    blocks = [block for block in mesh.data.shape_keys.key_blocks[1:] if not block.mute and block.name not in driven]
    rest = _rest(source)
    placement = fit_placement(rest.astype(np.float32), match.coordinates(mesh.data.shape_keys.reference_key).astype(np.float32))
    keys = np.array([match.displacement(mesh, block) for block in blocks], np.float32).reshape(len(blocks), -1, 3)
    first, last = _span(context.scene)
    return Plan(context.scene.name, source.name, mesh.name, tuple(block.name for block in blocks), first, last, smooth, rest, keys, placement)


def solve(plan: Plan) -> Generator[float, None, Solved]:
    """Read every frame, then solve; gives the finished part. Raises RigError, SettingError."""
    scene = bpy.data.scenes[plan.scene]
    now, subframe = scene.frame_current, scene.frame_subframe
    moved = np.empty((plan.last - plan.first + 1, *plan.rest.shape), np.float32)
    try:
        for number, frame in enumerate(range(plan.first, plan.last + 1)):
            yield READ_SHARE * number / len(moved)
            bpy.data.scenes[plan.scene].frame_set(frame)
            moved[number] = plan.placement.scale * (_vertices(plan) - plan.rest) @ plan.placement.rotation.T
    finally:
        if plan.scene in bpy.data.scenes:
            bpy.data.scenes[plan.scene].frame_set(now, subframe=subframe)
    values, share = yield from _on_thread(moved, plan)
    size = np.linalg.norm(moved.reshape(len(moved), -1), axis=1)
    return Solved(plan, values, float((share * size).sum() / max(float(size.sum()), 1e-9)))


def write(context: bpy.types.Context, solved: Solved) -> tuple[str, tuple[str, ...]]:
    """Key the character; a sentence and warnings. Raises RigError: it is gone or cannot be keyed."""
    plan, fps = solved.plan, scene_fps(context.scene)
    seconds = np.arange(len(solved.values)) / fps
    curves = {RigChannel("shape_key", name): Curve(seconds, column) for name, column in zip(plan.names, solved.values.T, strict=True)}
    line = parts.Line(f"{plan.source} vertices", float(plan.first), float(plan.last), fps)
    written = fcurves.write(match.character_of(context), RigCurves(curves, plan.source, plan.names, ()), line, parts.KeyOptions())
    warnings = written.warnings
    if plan.placement.misfit > MISFIT_LIMIT:
        warnings = (f"{plan.source!r} differs from {plan.mesh!r} by {plan.placement.misfit:.1%} of its size: its vertices may be in another order.", *warnings)
    left = f"{solved.left_out:.0%}"
    keys = translate_plural(len(plan.names), "1 key", "{} keys")
    return translate("{} of {!r} on frames {} to {}; {} of the movement has no key that makes it", keys, plan.mesh, plan.first, plan.last, left), warnings


def _on_thread(moved: np.ndarray, plan: Plan) -> Generator[float, None, tuple[np.ndarray, np.ndarray]]:
    """solve_weights without stopping the window."""
    found: list[tuple[np.ndarray, np.ndarray] | EngineError] = []

    def work() -> None:
        try:
            found.append(solve_weights(moved, plan.keys, plan.smooth))
        except EngineError as error:
            found.append(error)

    thread = threading.Thread(target=work, name="lip-sync-keys-from-vertices", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(WAIT_S)
        yield READ_SHARE
    if not found:
        raise RigError("The keys could not be solved: see the traceback in the system console.")
    if isinstance(found[0], EngineError):
        raise found[0]
    return found[0]


def _span(scene: bpy.types.Scene) -> tuple[int, int]:
    """The preview range where there is one, else the scene's."""
    return (scene.frame_preview_start, scene.frame_preview_end) if scene.use_preview_range else (scene.frame_start, scene.frame_end)


def _rest(obj: bpy.types.Object) -> np.ndarray:
    """(n, 3) vertices without keys and modifiers."""
    if obj.data.shape_keys is not None:
        return match.coordinates(obj.data.shape_keys.reference_key)
    values = np.empty(3 * len(obj.data.vertices), np.float32)
    obj.data.vertices.foreach_get("co", values)
    return values.reshape(-1, 3).astype(np.float64)


def _vertices(plan: Plan) -> np.ndarray:
    """(n, 3) vertices of the moving mesh on the current frame. Raises RigError: it is gone, or a modifier changes their number."""
    obj = bpy.data.objects.get(plan.source)
    if obj is None:
        raise RigError(f"{plan.source!r} was removed or renamed meanwhile. Start again.")
    shown = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = shown.to_mesh()
    try:
        if len(mesh.vertices) != len(plan.rest):
            raise RigError(f"Modifiers make {len(mesh.vertices)} vertices of the {len(plan.rest)} of {plan.source!r}. Switch them off in the viewport (Subdivision, for example).")
        values = np.empty(3 * len(plan.rest), np.float32)
        mesh.vertices.foreach_get("co", values)
    finally:
        shown.to_mesh_clear()
    return values.reshape(-1, 3).astype(np.float64)
