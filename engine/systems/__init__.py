"""What the system of a model folder does at run time: from features, style and cues to motion of its heads.

Knows models; knows nothing of scenes, rigs or Blender. One file a system, all with the interface of `System`.
"""
