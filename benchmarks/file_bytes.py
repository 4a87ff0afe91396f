"""Where the bytes of a student's file go, and of one of the same design in the present format version.

    python benchmarks/file_bytes.py FILE.onnx [--design MY.toml]...

With designs it says how large a file of each is, trained in integers for the same game, under a card like FILE's.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper

from edgedistill.catalogue import Architecture, find_architecture
from edgedistill.exporter.graph import int8_model
from edgedistill.networks.network import AtariNetwork
from edgedistill.runtime.card import Card
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


def as_of_today(design: Architecture, card: Card) -> onnx.ModelProto:
    """A student of a design; what its weights are does not change its size."""
    student = AtariNetwork(design, len(card.actions)).eval()
    student.begin_integers(torch.ones_like(student.ranges))
    model = int8_model(student)
    helper.set_model_props(model, replace(card, quantisation=QUANTISATIONS["int8"]).to_metadata())
    return model


def learnt_in_integers(card: Card, design: Architecture) -> Card:
    """A card as a design's own would be, whose student was rounded by no export."""
    actions = len(card.actions)
    return replace(
        card, student=design.name, params=design.parameters(actions), macs=design.macs(actions), agreement=1.0,
        largest_logit_error=0.0, disagreement_allowed=False,
        scores={player: scores for player, scores in card.scores.items() if player != "float_student"},
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--design", action="append", default=[])
    arguments = parser.parse_args()
    file, card = arguments.file, Policy.load(arguments.file).card
    if arguments.design:
        print("| design | layers | parameters | file |\n| --- | --- | ---: | ---: |")
        for design in map(find_architecture, arguments.design):
            own = learnt_in_integers(card, design)
            size = as_of_today(design, own).ByteSize()
            print(f"| {design.name} | {design.layers_text()} | {own.params:,} | {size:,} |")
        return
    before, today = parts(onnx.load(file)), parts(as_of_today(find_architecture(card.student), card))
    print(f"| | {file.name} | the same design today |\n| --- | ---: | ---: |")
    for what, count in before.items():
        print(f"| {what} | {count:,} | {today[what]:,} |")


if __name__ == "__main__":
    main()
