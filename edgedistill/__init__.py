"""edgedistill: real-time policy distillation of Atari players into int8 students for small boards."""

from importlib.metadata import version

__version__ = version("edgedistill")
