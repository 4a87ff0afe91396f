"""What runs on the board: numpy, onnxruntime and ale-py; never torch.

>>> from edgedistill.runtime import Policy, shipped_student
>>> policy = Policy.load(shipped_student("pong"))
>>> import numpy as np
>>> policy.act(np.zeros((1, 84, 84, 4), np.uint8)).shape
(1,)
"""

from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import shipped_student

__all__ = ["Policy", "shipped_student"]
