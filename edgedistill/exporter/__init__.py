"""From a torch student to one verified int8 ONNX file."""
