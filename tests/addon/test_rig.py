"""What a character can move, and linked characters."""

from __future__ import annotations

import bpy
import pytest

from .conftest import SHARED, TINY, curves, make_face, own_action


def gather(ext, name="Face", with_related=True):
    return ext.module("addon.character.character").gather(bpy.context, name, with_related)


def test_basis_is_no_channel(ext, face):
    target, = gather(ext).targets
    assert len(target.names) == 52 and "Basis" not in target.names


def test_children_and_siblings_of_one_root_belong_together(ext):
    root = bpy.data.objects.new("Root", None)
    bpy.context.scene.collection.objects.link(root)
    for name in ("Face", "Teeth", "Tongue"):
        make_face(ext, name, ("jawOpen",)).parent = root
    make_face(ext, "Stranger", ("jawOpen",)).location.x = 5
    bpy.context.view_layer.update()
    assert {target.object_name for target in gather(ext).targets} == {"Face", "Teeth", "Tongue"}


def test_meshes_of_one_armature_belong_together_and_other_armatures_stop_the_climb(ext):
    stage = bpy.data.objects.new("Stage", None)
    bpy.context.scene.collection.objects.link(stage)
    for number, name in enumerate(("Ann", "Bob")):
        armature = bpy.data.objects.new(f"{name} Rig", bpy.data.armatures.new(name))
        bpy.context.scene.collection.objects.link(armature)
        armature.parent = stage
        body, lashes = make_face(ext, f"{name} Body", ("jawOpen",)), make_face(ext, f"{name} Lashes", ("eyeBlinkLeft",))
        body.parent = armature
        lashes.modifiers.new("Armature", 'ARMATURE').object = armature
        body.location.x = lashes.location.x = 10 * number
    bpy.context.view_layer.update()
    assert {target.object_name for target in gather(ext, "Ann Body").targets} == {"Ann Body", "Ann Lashes"}


def test_loose_parts_in_one_place_belong_together_but_a_copy_beside_does_not(ext):
    make_face(ext, "Face", ("jawOpen", "mouthClose"))
    make_face(ext, "Teeth", ("jawOpen",))
    make_face(ext, "Copy", ("jawOpen",)).location.x = 3
    bpy.context.view_layer.update()
    assert {target.object_name for target in gather(ext).targets} == {"Face", "Teeth"}
    assert {target.object_name for target in gather(ext, with_related=False).targets} == {"Face"}


def test_two_characters_in_one_place_stay_two(ext):
    for name in ("Face", "Twin"):
        head = make_face(ext, name, ("jawOpen", "mouthClose"))
        make_face(ext, f"{name} Teeth", ("jawOpen",)).parent = head
    bpy.context.view_layer.update()
    assert {target.object_name for target in gather(ext).targets} == {"Face", "Face Teeth"}
    assert {target.object_name for target in gather(ext, "Twin").targets} == {"Twin", "Twin Teeth"}


def test_shape_keys_that_two_objects_share_come_once(ext, face):
    twin = bpy.data.objects.new("Twin", face.data)
    bpy.context.scene.collection.objects.link(twin)
    twin.parent = face
    assert len(gather(ext).targets) == 1


def test_bones_and_number_properties_are_found(ext):
    armature = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode='EDIT')
    armature.data.edit_bones.new("jaw").tail.z = 1
    bpy.ops.object.mode_set(mode='OBJECT')
    armature.pose.bones["jaw"]["Smile"] = 0.0
    armature["Open"] = 0.0
    armature["Note"] = "text"
    target, = gather(ext, "Rig").targets
    assert target.names == {"jaw"}
    assert target.properties == {'["Open"]', 'pose.bones["jaw"]["Smile"]'}


def test_nothing_chosen_says_what_to_do(ext, face):
    bpy.context.view_layer.objects.active = None
    face.select_set(False)
    with pytest.raises(ext.module("engine").RigError, match="No character is chosen"):
        gather(ext, "")


def test_object_without_keys_is_refused_and_nothing_is_written(ext, speech):
    make_face(ext, "Plain", ())
    with pytest.raises(RuntimeError, match="has no shape keys, bones or custom properties"):
        bpy.ops.unitalker.animate(audio=speech, character="Plain")
    assert len(bpy.data.actions) == 0


def test_keys_that_no_preset_knows_are_refused_with_their_names(ext, speech):
    make_face(ext, "Odd", ("bulge", "squash"))
    with pytest.raises(RuntimeError, match=r"No preset fits this character.*bulge"):
        bpy.ops.unitalker.animate(audio=speech, character="Odd")
    assert len(bpy.data.actions) == 0


def test_unknown_character_is_named(ext, face, speech):
    with pytest.raises(RuntimeError, match="Character not found: 'Nobody'"):
        bpy.ops.unitalker.animate(audio=speech, character="Nobody")


def test_driven_keys_are_left_alone_and_reported(ext, face, speech):
    keys = face.data.shape_keys
    keys.key_blocks["jawOpen"].driver_add("value").driver.expression = "0.25"
    bpy.ops.unitalker.animate(audio=speech, character="Face")
    assert 'key_blocks["jawOpen"].value' not in curves(keys)
    assert len(curves(keys)) == 51
    assert "jawOpen of 'Face': driven" in bpy.context.scene.unitalker.result_details


# ---- linked characters

@pytest.fixture
def library(ext, tmp_path):
    """A file with a collection "Cast" of Face and its child Teeth; then an empty scene."""
    cast = bpy.data.collections.new("Cast")
    bpy.context.scene.collection.children.link(cast)
    for name in ("Face", "Teeth"):
        obj = make_face(ext, name)
        cast.objects.link(obj)
        bpy.context.scene.collection.objects.unlink(obj)
    bpy.data.objects["Teeth"].parent = bpy.data.objects["Face"]
    path = str(tmp_path / "cast.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True, load_ui=False)
    return path


def link_object(path):
    with bpy.data.libraries.load(path, link=True) as (_, wanted):
        wanted.objects = ["Face", "Teeth"]
    for obj in wanted.objects:
        bpy.context.scene.collection.objects.link(obj)
    return wanted.objects[0]


def link_instance(path):
    with bpy.data.libraries.load(path, link=True) as (_, wanted):
        wanted.collections = ["Cast"]
    empty = bpy.data.objects.new("Cast", None)
    empty.instance_type, empty.instance_collection = 'COLLECTION', wanted.collections[0]
    bpy.context.scene.collection.objects.link(empty)
    return empty


def link_collection(path):
    with bpy.data.libraries.load(path, link=True) as (_, wanted):
        wanted.collections = ["Cast"]
    bpy.context.scene.collection.children.link(wanted.collections[0])
    return bpy.context.scene.objects["Face"]


def link_mesh(path):
    with bpy.data.libraries.load(path, link=True) as (_, wanted):
        wanted.meshes = ["Face"]
    obj = bpy.data.objects.new("Face", wanted.meshes[0])
    bpy.context.scene.collection.objects.link(obj)
    return obj


def override_of_object_only(path):
    obj = link_object(path)
    made = obj.override_hierarchy_create(bpy.context.scene, bpy.context.view_layer, do_fully_editable=True)
    for linked in [linked for linked in bpy.context.scene.objects if linked.library]:
        bpy.context.scene.collection.objects.unlink(linked)
    return made


LINKINGS = (link_object, link_instance, link_collection, link_mesh, override_of_object_only)


@pytest.mark.parametrize("link", LINKINGS)
def test_linked_character_is_refused_with_the_way_out(ext, library, speech, link):
    obj = link(library)
    with pytest.raises(RuntimeError, match=r"linked from another file.*Make Editable Override"):
        bpy.ops.unitalker.animate(audio=speech, character=obj.name)
    assert not any(ext.module("addon.actions.actions").is_own(action) for action in bpy.data.actions)


@pytest.mark.parametrize("link", LINKINGS)
def test_keys_on_an_override_survive_saving_and_loading(ext, library, speech, tmp_path, link):
    meshes = 1 if link is link_mesh else 2
    assert bpy.ops.unitalker.make_override(character=link(library).name) == {'FINISHED'}
    scene = bpy.context.scene
    assert len([obj for obj in scene.objects if getattr(obj.data, "shape_keys", None)]) == meshes       # no head twice
    assert bpy.ops.unitalker.animate(audio=speech, character=scene.unitalker.character.name, model=TINY) == {'FINISHED'}
    path = str(tmp_path / "shot.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    faces = [obj for obj in bpy.context.scene.objects if getattr(obj.data, "shape_keys", None)]
    assert [len(curves(obj.data.shape_keys)) for obj in faces] == [52] * meshes


def test_two_copies_of_a_linked_character_have_lines_of_their_own_after_saving(ext, library, speech, tmp_path):
    for start in (1, 20):
        assert bpy.ops.unitalker.make_override(character=link_instance(library).name) == {'FINISHED'}
        name = bpy.context.scene.unitalker.character.name
        bpy.ops.unitalker.animate(audio=speech, character=name, start_frame=start, model=TINY)
        assert not bpy.context.scene.unitalker.result_details, "no keys of the other copy are replaced"
    path = str(tmp_path / "shot.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    faces = [obj for obj in bpy.context.scene.objects if getattr(obj.data, "shape_keys", None)]
    spans = sorted(tuple(curves(obj.data.shape_keys)['key_blocks["jawOpen"].value'].range()) for obj in faces)
    assert spans == [(1, 48), (1, 48), (20, 67), (20, 67)], "both heads of each copy"


def test_override_of_a_local_character_is_refused(ext, face):
    with pytest.raises(RuntimeError, match="editable already"):
        bpy.ops.unitalker.make_override(character="Face")


# ---- two characters in one place

def people_of(ext, *names):
    """Names of the meshes that each of these objects is keyed with."""
    bpy.context.view_layer.update()
    return [{target.object_name for target in gather(ext, name).targets} for name in names]


def with_armature(obj, name):
    armature = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    bpy.context.scene.collection.objects.link(armature)
    obj.modifiers.new("Armature", 'ARMATURE').object = armature
    return armature


def into_collection(obj, name):
    collection = bpy.data.collections.get(name) or bpy.data.collections.new(name)
    if name not in bpy.context.scene.collection.children:
        bpy.context.scene.collection.children.link(collection)
    collection.objects.link(obj)
    bpy.context.scene.collection.objects.unlink(obj)


def test_two_faces_in_one_place_stay_two_with_and_without_armatures(ext):
    anna, _ = make_face(ext, "Anna"), make_face(ext, "Ben")
    assert people_of(ext, "Anna", "Ben") == [{"Anna"}, {"Ben"}]
    with_armature(anna, "Anna Rig")
    assert people_of(ext, "Anna", "Ben") == [{"Anna"}, {"Ben"}]
    with_armature(bpy.data.objects["Ben"], "Ben Rig")
    assert people_of(ext, "Anna", "Ben") == [{"Anna"}, {"Ben"}]


def test_a_face_with_half_of_the_keys_is_no_part_but_teeth_with_four_are(ext):
    names = ext.module("engine.values.channels").ARKIT_52
    make_face(ext, "Anna")
    make_face(ext, "Ben", tuple(name for name in names if not name.startswith(("eyeLook", "cheek", "nose", "tongue"))))
    make_face(ext, "Mouth", tuple(name for name in names if name.startswith("mouth")))
    assert people_of(ext, "Anna")[0] == {"Anna"}
    bpy.data.objects.remove(bpy.data.objects["Ben"])
    make_face(ext, "Teeth", ("jawOpen", "jawLeft", "jawRight", "jawForward"))
    assert people_of(ext, "Anna", "Mouth") == [{"Anna", "Teeth", "Mouth"}, {"Anna", "Mouth"}]


@pytest.mark.parametrize("tie", ["name", "collection", "armature"])
def test_loose_teeth_between_two_faces_belong_to_the_one_they_are_tied_to(ext, tie):
    anna, ben = make_face(ext, "Anna"), make_face(ext, "Ben")
    teeth = make_face(ext, "Ben Teeth" if tie == "name" else "Teeth", ("jawOpen",))
    if tie == "collection":
        into_collection(anna, "A")
        into_collection(ben, "B")
        into_collection(teeth, "B")
    if tie == "armature":
        teeth.modifiers.new("Armature", 'ARMATURE').object = with_armature(ben, "Ben Rig")
    assert people_of(ext, "Anna", "Ben") == [{"Anna"}, {"Ben", teeth.name}]


def test_loose_teeth_that_nothing_ties_to_one_of_two_faces_are_left_out(ext):
    make_face(ext, "Anna")
    make_face(ext, "Ben")
    make_face(ext, "Teeth", ("jawOpen",))
    assert people_of(ext, "Anna", "Ben", "Teeth") == [{"Anna"}, {"Ben"}, {"Teeth"}]


def test_two_faces_below_one_empty_stay_two_with_their_parts(ext):
    stage = bpy.data.objects.new("Stage", None)
    bpy.context.scene.collection.objects.link(stage)
    for name in ("Anna", "Ben"):
        make_face(ext, name).parent = stage
        teeth = make_face(ext, f"{name} Teeth", ("jawOpen",))
        teeth.parent = stage
    assert people_of(ext, "Anna", "Ben") == [{"Anna", "Anna Teeth"}, {"Ben", "Ben Teeth"}]


def test_what_belongs_together_is_the_same_on_every_frame(ext):
    make_face(ext, "Face")
    teeth = make_face(ext, "Teeth", ("jawOpen",))
    bystander = make_face(ext, "Sign", ("jawOpen",))
    own_action(bystander, {"location": [(1, 0.0), (50, 20.0)]}, "Walk")
    teeth.constraints.new('CHILD_OF').target = bpy.data.objects["Face"]
    found = []
    for frame in (1, 50):
        bpy.context.scene.frame_set(frame)
        found += people_of(ext, "Face")
    assert found == [{"Face", "Teeth"}] * 2


def test_hidden_backup_of_a_head_gets_no_keys(ext):
    face, backup = make_face(ext, "Face"), make_face(ext, "Face.backup")
    armature = with_armature(face, "Rig")
    backup.modifiers.new("Armature", 'ARMATURE').object = armature
    backup.hide_viewport = backup.hide_render = True
    assert people_of(ext, "Face", "Rig") == [{"Face"}, {"Face"}]


def test_linked_head_in_the_place_of_another_one_does_not_stop_it(ext, library, speech):
    link_object(library)
    make_face(ext, "Own")
    assert bpy.ops.unitalker.animate(audio=speech, character="Own", model=TINY) == {'FINISHED'}
    own = bpy.data.objects["Own"]
    assert len(curves(own.data.shape_keys)) == 52


# ---- a real head

@pytest.fixture
def ict_head(ext):
    path = SHARED / "rigs" / "ict_facekit_head.glb"
    if not path.is_file():
        pytest.skip(f"{path} is not there (test data that is not in the repository)")
    bpy.ops.import_scene.gltf(filepath=str(path))
    return bpy.context.view_layer.objects.active


def test_ict_head_is_keyed_as_it_is(ext, ict_head, speech):
    bpy.ops.unitalker.animate(audio=speech, character=ict_head.name, model=TINY)
    assert len(curves(ict_head.data.shape_keys)) >= 51
    assert "ict" in bpy.context.scene.unitalker.result_counts.lower()


def test_ict_head_separated_by_material_is_keyed_on_every_part_once(ext, ict_head, speech):
    bpy.ops.object.mode_set(mode='EDIT')
    bpy.ops.mesh.select_all(action='SELECT')
    bpy.ops.mesh.separate(type='MATERIAL')
    bpy.ops.object.mode_set(mode='OBJECT')
    parts = [obj for obj in bpy.context.scene.objects if obj.type == 'MESH']
    assert len(parts) == 3
    bpy.ops.object.select_all(action='DESELECT')
    for _ in range(2):
        bpy.ops.unitalker.animate(audio=speech, character=ict_head.name, model=TINY)
        assert [len(curves(obj.data.shape_keys)) >= 51 for obj in parts] == [True] * 3
        assert {len(curve.keyframe_points) for obj in parts for curve in curves(obj.data.shape_keys).values()} == {48}
    assert len(bpy.data.actions) == (1 if hasattr(bpy.data.actions[0], "slots") else 3)


def test_active_object_without_keys_is_named(ext):
    make_face(ext, "Plain", ())
    with pytest.raises(ext.module("engine").RigError, match=r"'Plain' has no shape keys"):
        gather(ext, "")
