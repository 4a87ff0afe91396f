"""What a student may cost at most, whether it comes as a TOML, as settings of a run or as an exported file.

All are far above what small boards play and the catalogue holds (3.2 million multiply-accumulates a frame at most), far
below what a stranger's file could ask for: a few bytes describe a layer that takes minutes or gigabytes.
"""

from dataclasses import dataclass

MAX_LAYERS = 16
# Of one frame; five times the Nature DQN's.
MAX_MACS = 50_000_000
# Of one frame, as floats: everything that layers take and give, and the patches that convolutions multiply.
MAX_ACTIVATION_BYTES = 32_000_000
# Of a student's file: net1 takes 0.43 MB as int8, 1.7 MB as float32.
MAX_FILE_BYTES = 4_000_000


@dataclass(frozen=True)
class Cost:
    """What a network takes for one frame."""

    layers: int
    """Convolutions and fully connected ones"""
    macs: int
    """Multiply-accumulates"""
    activation_bytes: int

    def excess(self) -> str | None:
        """The first bound that is passed, and by how much; None where all are kept.

        >>> Cost(5, 120_000_000, 1_000_000).excess()
        'it takes 120,000,000 multiply-accumulates a frame, 2.4 times the 50,000,000 allowed'
        """
        for what, value, most in (
            (f"it has {self.layers:,} layers", self.layers, MAX_LAYERS),
            (f"it takes {self.macs:,} multiply-accumulates a frame", self.macs, MAX_MACS),
            (f"its values take {self.activation_bytes:,} bytes a frame", self.activation_bytes, MAX_ACTIVATION_BYTES),
        ):
            if value > most:
                return f"{what}, {value / most:,.1f} times the {most:,} allowed"
        return None
