"""Where the bytes of a student's file go, and of one of the same design in the present format version.

python benchmarks/file_bytes.py FILE.onnx
"""

import argparse
from dataclasses import replace
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper

from edgedistill.catalogue import find_architecture
from edgedistill.exporter.graph import int8_model
from edgedistill.networks.network import AtariNetwork
from edgedistill.runtime.packed_card import QUANTISATIONS
from edgedistill.runtime.policy import Policy


def parts(model: onnx.ModelProto) -> dict[str, int]:
    """Bytes by what they are for."""
    tensors = model.graph.initializer
    weights = sum(len(t.raw_data) for t in tensors if t.data_type == TensorProto.INT8 and len(t.dims) > 1)
    numbers = sum(len(t.raw_data) for t in tensors)
    card = sum(entry.ByteSize() for entry in model.metadata_props)
    return {
        "weights": weights,
        "scales, biases and zero points": numbers - weights,
        "names, shapes, nodes": model.ByteSize() - numbers - card,
        "card": card,
        "file": model.ByteSize(),
    }


def as_of_today(file: Path) -> onnx.ModelProto:
    """A student of the same design, with the same card; what its weights are does not change its size."""
    card = Policy.load(file).card
    student = AtariNetwork(find_architecture(card.student), len(card.actions)).eval()
    student.begin_integers(torch.ones_like(student.ranges))
    model = int8_model(student)
    helper.set_model_props(model, replace(card, quantisation=QUANTISATIONS["int8"]).to_metadata())
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    file = parser.parse_args().file
    before, today = parts(onnx.load(file)), parts(as_of_today(file))
    print(f"| | {file.name} | the same design today |\n| --- | ---: | ---: |")
    for what, count in before.items():
        print(f"| {what} | {count:,} | {today[what]:,} |")


if __name__ == "__main__":
    main()
