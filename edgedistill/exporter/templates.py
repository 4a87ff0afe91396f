"""The texts of `export/`: what an export fills in, copies or looks up."""

from importlib import resources

FOLDER = resources.files("edgedistill.export")


def template(name: str) -> str:
    """A text with places to fill in, or none."""
    return FOLDER.joinpath(name).read_text(encoding="utf-8")
