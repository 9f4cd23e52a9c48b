"""Models for other programs: a model's endpoints as a SavedModel or as ONNX files."""

from kgen.export.write import export

__all__ = ["export"]
