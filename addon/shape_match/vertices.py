"""Keys from Vertices: a mesh that moves vertex by vertex becomes slider values of a mesh of its topology.

Such a mesh is a FLAME or VOCASET head, or a capture. It is read frame by frame in steps, the engine finds the values on
a thread, and they are keyed as a take of its own, which Clear removes like any other.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import dataclass

import bpy
import numpy as np

from ...engine import Curve, EngineError, Placement, RigChannel, RigCurves, RigError, fit_placement, solve_weights
from ..character.mesh_arrays import coordinates, displacement, rest_coordinates, vertex_coordinates
from ..host.scene import scene_fps
from ..host.translations import translate, translate_plural
from ..keying import parts
from ..keying.write import write as write_keys
from ..take.look_up import panel_character
from .meshes import meshes_of

READ_SHARE = 0.7            # of the work, the rest is solving
WAIT_S = 0.05               # between two looks at the thread that solves
MISFIT_LIMIT = 0.05         # of the size of the face, by which two meshes of one topology may differ


@dataclass(frozen=True)
class SolvePlan:
    """What is solved.

    Attributes:
        scene, source, mesh: names of the scene, the moving mesh and the mesh with the keys. names: of the keys.
        first, last: frames. smooth: as for solve_weights.
        rest: (n, 3) vertices of the moving mesh. keys: (n_keys, n, 3) displacements of the other mesh.
        placement: how the moving mesh lies on the other mesh.
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
class SolvedSliders:
    """Values (n_frames, n_keys) from 0 to 1, and the share of the movement that they leave out, 0 to 1."""

    plan: SolvePlan
    values: np.ndarray
    left_out: float


def gather(context: bpy.types.Context, source: bpy.types.Object | None, smooth: float) -> SolvePlan:
    """Read both meshes. Raises RigError: none is chosen, or they are not of one topology."""
    character = panel_character(context)
    mesh = meshes_of(character)[0]
    wanted = len(mesh.data.vertices)
    if source is None or source.type != 'MESH' or source == mesh:
        raise RigError(
            "No mesh is chosen whose vertices move. "
            f"Choose in Moving Mesh another mesh with as many vertices as {mesh.name!r} ({wanted})."
        )
    if len(source.data.vertices) != wanted:
        raise RigError(
            f"{source.name!r} has {len(source.data.vertices)} vertices, {mesh.name!r} has {wanted}: "
            "keys can be solved between meshes of one topology alone. Choose another Moving Mesh."
        )
    driven = {channel.name for channel in character.rig("auto", ()).driven}
    blocks = [block for block in mesh.data.shape_keys.key_blocks[1:] if not block.mute and block.name not in driven]
    names = tuple(block.name for block in blocks)
    rest, onto = rest_coordinates(source), coordinates(mesh.data.shape_keys.reference_key)
    placement = fit_placement(rest.astype(np.float32), onto.astype(np.float32))
    keys = np.array([displacement(mesh, block) for block in blocks], np.float32).reshape(len(blocks), -1, 3)
    first, last = _span(context.scene)
    return SolvePlan(
        context.scene.name, source.name, mesh.name, names, first, last, smooth, rest, keys, placement,
    )


def solve(plan: SolvePlan) -> Generator[float, None, SolvedSliders]:
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
    return SolvedSliders(plan, values, float((share * size).sum() / max(float(size.sum()), 1e-9)))


def write(context: bpy.types.Context, solved: SolvedSliders) -> tuple[str, tuple[str, ...]]:
    """Key the character; a sentence and warnings. Raises RigError: it is gone or cannot be keyed."""
    plan, fps = solved.plan, scene_fps(context.scene)
    seconds = np.arange(len(solved.values)) / fps
    curves = {
        RigChannel("shape_key", name): Curve(seconds, column)
        for name, column in zip(plan.names, solved.values.T, strict=True)
    }
    line = parts.Line(f"{plan.source} vertices", float(plan.first), float(plan.last), fps)
    rig_curves = RigCurves(curves, plan.source, plan.names, ())
    warnings = write_keys(panel_character(context), rig_curves, line, parts.KeyOptions()).warnings
    if plan.placement.misfit > MISFIT_LIMIT:
        warnings = (
            f"{plan.source!r} differs from {plan.mesh!r} by {plan.placement.misfit:.1%} of its size: "
            "its vertices may be in another order.", *warnings,
        )
    text = translate(
        "{} of {!r} on frames {} to {}; {} of the movement has no key that makes it",
        translate_plural(len(plan.names), "1 key", "{} keys"), plan.mesh, plan.first, plan.last,
        f"{solved.left_out:.0%}",
    )
    return text, warnings


def _on_thread(moved: np.ndarray, plan: SolvePlan) -> Generator[float, None, tuple[np.ndarray, np.ndarray]]:
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
    if scene.use_preview_range:
        return scene.frame_preview_start, scene.frame_preview_end
    return scene.frame_start, scene.frame_end


def _vertices(plan: SolvePlan) -> np.ndarray:
    """(n, 3) vertices of the moving mesh on the current frame. Raises RigError: it is gone, or has another number."""
    obj = bpy.data.objects.get(plan.source)
    if obj is None:
        raise RigError(f"{plan.source!r} was removed or renamed meanwhile. Start again.")
    shown = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = shown.to_mesh()
    try:
        if len(mesh.vertices) != len(plan.rest):
            raise RigError(
                f"Modifiers make {len(mesh.vertices)} vertices of the {len(plan.rest)} of {plan.source!r}. "
                "Switch them off in the viewport (Subdivision, for example)."
            )
        return vertex_coordinates(mesh)
    finally:
        shown.to_mesh_clear()
