"""A vertex head on a mesh of its topology: PCA shape keys with their F-curves, or exact playback from a point cache.

The mesh keeps its own neutral face; the head's displacements are added to it, turned and scaled as the head's neutral
face lies on the mesh. What is ours on a mesh: shape keys named in the custom property RECORD of its Key, and a Mesh
Cache modifier named MODIFIER. Both are replaced when a line is made again, and removed by `clear`; the artist's own
keys and modifiers stay.
"""

from __future__ import annotations

import json
import logging
import math
from dataclasses import dataclass

import bpy
import numpy as np

from ...engine import (
    Animation,
    Head,
    Placement,
    RigChannel,
    RigCurves,
    RigError,
    SettingError,
    components_needed,
    fit_placement,
    reduce_for_lines,
)
from ...engine.values.types import Curve, FloatArray
from ..actions import actions
from ..character import character
from ..host.translations import translate, translate_plural
from . import clearing, parts, point_cache
from .write import write as write_keys

log = logging.getLogger(__name__)

RECORD = "unitalker_pca"        # custom property of a Key: JSON of _Record
MODIFIER = "Lip Sync"           # name of our Mesh Cache modifier
MISFIT_LIMIT = 0.03             # of the mesh's size; beyond, its vertices hardly are in the head's order
MEAN = "mean"                   # last word of the key that holds the head's mean displacement


@dataclass(frozen=True)
class VertexOptions:
    """How a vertex head is played.

    Attributes:
        mode: 'KEYS' for PCA shape keys, 'CACHE' for a point cache.
        error: the largest distance that a vertex may be off with shape keys, as a share of the mesh's size.
        folder: for caches; empty takes a folder beside the .blend file.
        max_error: keys may be left out while a slider moves by less; None keeps all.
    """

    mode: str
    error: float
    folder: str
    max_error: float | None = None


@dataclass(frozen=True)
class MeshPlan:
    """A mesh to animate.

    Attributes:
        rest: its neutral vertices (n, 3); size: length of its diagonal.
        placement: how the head's displacements lie on it.
        made: number of this head's components that it has shape keys for.
    """

    object_name: str
    model: str
    head: Head
    rest: FloatArray
    size: float
    placement: Placement
    options: VertexOptions
    cache_folder: str
    made: int


@dataclass(frozen=True)
class SolvedMesh:
    """What the worker found out: number of components and largest error in the mesh's units, for shape keys."""

    animation: Animation
    number: int
    error: float


@dataclass
class _Record:
    """What we made on a Key: names[0] is the mean; units[i] the coefficient for which slider names[i + 1] is 1."""

    model: str
    head: str
    names: list[str]
    units: list[float]
    made_basis: bool

    def whole(self) -> bool:
        """Whether every field is what _make_keys writes."""
        texts = [self.model, self.head, *self.names] if isinstance(self.names, list) else [None]
        units = self.units if isinstance(self.units, list) else [None]
        return (
            all(isinstance(text, str) for text in texts) and isinstance(self.made_basis, bool)
            and len(self.names) == len(units) + 1
            and all(isinstance(unit, float) and 0 < unit < math.inf for unit in units)
        )

    def belongs_to(self, model: str, head: Head) -> bool:
        """Whether this head's components are what the keys hold: a model that was converted anew may have fewer."""
        return (
            (self.model, self.head) == (model, head.id) and head.basis is not None
            and len(self.units) <= len(head.basis.components)
        )


def find_mesh(members: list[bpy.types.Object], head: Head) -> bpy.types.Object:
    """The mesh of this topology among a character's objects. Raises RigError: there is none, or it is read-only."""
    n_vertices = head.width // 3
    meshes = [obj for obj in members if obj.type == 'MESH']
    fitting = [obj for obj in meshes if len(obj.data.vertices) == n_vertices]
    if not fitting:
        found = ", ".join(f"{obj.name!r} has {len(obj.data.vertices)}" for obj in meshes[:4]) or "there is no mesh"
        raise RigError(
            f"Head {head.id} moves a mesh of {n_vertices} vertices; of this character {found}. Pick a mesh of that "
            "topology, or another head."
        )
    obj = fitting[0]
    if obj.library or obj.data.library or obj.override_library or obj.data.override_library:
        raise RigError(
            f"{obj.name!r} is linked from another file, where shape keys and caches cannot be added. Append it, or "
            "make it local."
        )
    if obj.mode == 'EDIT':
        raise RigError(f"{obj.name!r} is in Edit Mode. Leave it (Tab), then try again.")
    return obj


def plan(obj: bpy.types.Object, model: str, head: Head, options: VertexOptions) -> MeshPlan:
    """How the head moves a mesh. Raises SettingError: the head has no PCA; OutputError: no place for a cache."""
    if head.basis is None and options.mode == 'KEYS':
        raise SettingError(
            f"Head {head.id} has no PCA, so there are no shape keys to make. Choose Point Cache in Output."
        )
    rest = _rest(obj)
    template = head.template if head.template is not None else np.zeros(head.width, np.float32)
    folder = point_cache.folder_for(options.folder) if options.mode == 'CACHE' else ""
    placement = fit_placement(template.reshape(-1, 3), rest)
    record = _record(obj)
    made = len(record.units) if record is not None and record.belongs_to(model, head) else 0
    return MeshPlan(
        obj.name, model, head, rest, float(np.linalg.norm(np.ptp(rest, axis=0))), placement, options, folder, made
    )


def solve(animation: Animation, wanted: MeshPlan) -> SolvedMesh:
    """How many components this clip needs. Any thread."""
    basis = wanted.head.basis
    if wanted.options.mode == 'CACHE' or basis is None or animation.coefficients is None:
        return SolvedMesh(animation, 0, 0.0)
    scale = wanted.placement.scale
    tolerance = wanted.options.error * wanted.size / scale if scale > 0 else 0.0
    number, error = components_needed(
        animation.coefficients.weights, np.asarray(basis.components), tolerance, max(1, wanted.made)
    )
    return SolvedMesh(animation, number, error * scale)


def write(
    solved: SolvedMesh, wanted: MeshPlan, line: parts.Line, keys: parts.KeyOptions
) -> tuple[str, tuple[str, ...]]:
    """Animate the mesh; a sentence that says how, and warnings. Raises RigError when it changed, OutputError."""
    obj = bpy.data.objects.get(wanted.object_name)
    if obj is None or obj.type != 'MESH' or len(obj.data.vertices) != len(wanted.rest):
        raise RigError(
            f"{wanted.object_name!r} cannot be animated any more: it was removed, renamed or edited meanwhile. Start "
            "again."
        )
    warnings = [*solved.animation.warnings]
    if wanted.placement.misfit > MISFIT_LIMIT:
        warnings.append(
            f"{obj.name!r} differs from the head's neutral face by {wanted.placement.misfit:.1%} of its size: its "
            "vertices may be in another order.")
    if wanted.options.mode == 'CACHE':
        text, more = _write_cache(obj, solved.animation.motion.weights, wanted, line)
    else:
        _remove_cache(obj)
        text, more = _write_keys(obj, solved, wanted, line, keys)
    return text, (*warnings, *more)


def clear(members: list[bpy.types.Object]) -> int:
    """Remove our shape keys and caches from a character's meshes; call it after clearing.clear. Returns how many."""
    meshes = [obj for obj in members if obj.type == 'MESH' and obj.library is None and obj.data.library is None]
    return sum(_remove_keys(obj) + _remove_cache(obj) for obj in meshes)


def _write_keys(
    obj: bpy.types.Object, solved: SolvedMesh, wanted: MeshPlan, line: parts.Line, keys: parts.KeyOptions,
) -> tuple[str, tuple[str, ...]]:
    coefficients, basis = solved.animation.coefficients, wanted.head.basis
    assert coefficients is not None and basis is not None
    if obj.data.shape_keys is not None:         # before anything is changed
        parts.refuse_unchangeable(_character(obj, []).targets[0], obj.data.shape_keys)
    record, gave_way = _record(obj), ()
    if record is not None and not record.belongs_to(wanted.model, wanted.head):
        clearing.clear(_character(obj, record.names))
        _remove_keys(obj)
        gave_way = (f"What head {record.head} of model {record.model} had made on {obj.name!r} gave way.",)
        record = None
    record = _make_keys(obj, record, solved.number, wanted)
    values = coefficients.weights[:, :len(record.units)] / np.array(record.units, np.float32)
    seconds = np.arange(len(values)) / coefficients.fps
    columns = [np.ones(len(values), np.float32), *values.T]
    curves = {
        RigChannel("shape_key", name): Curve(seconds, column)
        for name, column in zip(record.names, columns, strict=True)
    }
    result = RigCurves(curves, "PCA", tuple(record.names), ())
    if wanted.options.max_error is not None:
        result = reduce_for_lines(result, wanted.options.max_error, np.full(len(values), np.inf, np.float32))
    written = write_keys(_character(obj, record.names), result, line, keys)
    n_components = len(basis.components)
    share = solved.error / wanted.size if wanted.size else 0.0
    text = translate(
        "{}: {} of {} PCA shape keys, {}, largest error {} of its size (Action {!r})",
        obj.name, len(record.units), n_components, translate_plural(len(values), "1 frame", "{} frames"),
        f"{share:.2%}", written.action,
    )
    return text, (*gave_way, *written.warnings)


def _make_keys(obj: bpy.types.Object, record: _Record | None, number: int, wanted: MeshPlan) -> _Record:
    """Shape keys for the mean and at least `number` components; those that are there keep their units."""
    basis = wanted.head.basis
    assert basis is not None
    components = np.asarray(basis.components)
    if record is None:
        record = _Record(wanted.model, wanted.head.id, [], [], obj.data.shape_keys is None)
    if obj.data.shape_keys is None:
        obj.shape_key_add(name="Basis", from_mix=False)
    number = max(number, len(record.units))
    record.units += [_unit(components[index], wanted) for index in range(len(record.units), number)]
    endings = [MEAN, *(f"{index:03d}" for index in range(1, number + 1))]
    names = record.names + [f"{wanted.head.id[:48]} {ending}" for ending in endings[len(record.names):]]
    deltas = [basis.mean, *(components[index] * record.units[index] for index in range(number))]
    record.names = []
    for name, delta in zip(names, deltas, strict=True):
        block = obj.data.shape_keys.key_blocks.get(name)
        if block is None:
            block = obj.shape_key_add(name=name, from_mix=False)
            block.value = 0.0           # 5.0 makes them at 1
        block.data.foreach_set("co", (wanted.rest + wanted.placement.place(delta)).ravel())
        record.names.append(block.name)
    obj.data.shape_keys[RECORD] = json.dumps(record.__dict__)
    return record


def _unit(component: FloatArray, wanted: MeshPlan) -> float:
    """The coefficient that moves the component's farthest vertex by a tenth of the mesh's size."""
    farthest = float(np.linalg.norm(component.reshape(-1, 3), axis=1).max()) * wanted.placement.scale
    return 0.1 * wanted.size / farthest if farthest > 0 and wanted.size > 0 else 1.0


def _write_cache(
    obj: bpy.types.Object, vertices: FloatArray, wanted: MeshPlan, line: parts.Line
) -> tuple[str, tuple[str, ...]]:
    template = wanted.head.template if wanted.head.template is not None else np.float32(0.0)
    path = point_cache.write(wanted.cache_folder, f"{obj.name} {line.name}", (
        wanted.rest + wanted.placement.place(row - template) for row in vertices), (len(vertices), len(wanted.rest)))
    modifier, gave_way = obj.modifiers.get(MODIFIER), ()
    if modifier is None or modifier.type != 'MESH_CACHE':
        modifier = obj.modifiers.new(MODIFIER, 'MESH_CACHE')
        obj.modifiers.move(len(obj.modifiers) - 1, 0)
    elif bpy.path.abspath(modifier.filepath) != path:
        gave_way = (
            f"A mesh plays one cache: {modifier.filepath} gave way. For several lines on one mesh choose PCA Shape "
            "Keys.",
        )
    modifier.cache_format = 'PC2'
    modifier.filepath = point_cache.relative(path)
    modifier.frame_start = line.first_frame
    modifier.frame_scale = 1.0
    modifier.time_mode, modifier.play_mode, modifier.deform_mode = 'FRAME', 'SCENE', 'OVERWRITE'
    modifier.forward_axis, modifier.up_axis = 'POS_Y', 'POS_Z'
    modifier.interpolation = 'LINEAR'
    frames = translate_plural(len(vertices), "1 frame", "{} frames")
    return translate("{}: exact playback of {} from {}", obj.name, frames, path), gave_way


def _remove_cache(obj: bpy.types.Object) -> int:
    modifier = obj.modifiers.get(MODIFIER)
    if modifier is None or modifier.type != 'MESH_CACHE':
        return 0
    obj.modifiers.remove(modifier)
    return 1


def _remove_keys(obj: bpy.types.Object) -> int:
    record = _record(obj)
    if record is None:
        return 0
    keys = obj.data.shape_keys
    played = {curve.data_path for use in actions.uses(keys) for curve in actions.curves_of(use)}
    if any(f'key_blocks["{bpy.utils.escape_identifier(name)}"].value' in played for name in record.names):
        del keys[RECORD]            # the artist owns a take or keys on them: so are the shape keys
        return 0
    blocks = [block for name in record.names if (block := keys.key_blocks.get(name)) is not None]
    for block in blocks:
        obj.shape_key_remove(block)
    if record.made_basis and len(keys.key_blocks) == 1:
        obj.shape_key_remove(keys.key_blocks[0])
    else:
        del keys[RECORD]
    return len(blocks)


def _record(obj: bpy.types.Object) -> _Record | None:
    """What we noted on the mesh's Key; None where that cannot be read: then shape keys of our names are taken up."""
    keys = obj.data.shape_keys
    if keys is None or RECORD not in keys:
        return None
    try:
        record = _Record(**json.loads(keys[RECORD]))
        if record.whole():
            return record
    except (ValueError, TypeError, RecursionError):
        pass
    log.warning("The note %r on %r cannot be read and counts as none.", RECORD, obj.name)
    return None


def _character(obj: bpy.types.Object, names: list[str]) -> character.Character:
    return character.Character(
        obj.name, (character.KeyTarget(obj.name, "", 'KEY', frozenset(names), frozenset(), frozenset()),)
    )


def _rest(obj: bpy.types.Object) -> FloatArray:
    """Neutral vertices (n, 3) of a mesh: its basis key if it has shape keys."""
    keys = obj.data.shape_keys
    source = obj.data.vertices if keys is None else keys.reference_key.data
    values = np.empty(3 * len(source), np.float32)
    source.foreach_get("co", values)
    return values.reshape(-1, 3)
