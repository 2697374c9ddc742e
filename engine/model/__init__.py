"""A model folder, opened and run: graphs, devices, features, style vectors, heads.

The only folder that knows ONNX Runtime. Knows nothing of rigs or of the scene's frame rate.
"""
