"""Draw the page that `edgedistill hub push` makes, much as the hub shows it, for docs/how-to/share-a-student.md.

python docs/hub_page.py student_zoo/trained/pong/micro.onnx student_zoo/trained/pong/femto.onnx USER/pong -o page.html
"""

import argparse
import base64
import re
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt

from edgedistill.exporter.hub_folder import PAGE, hub_folder
from edgedistill.runtime.hub.name import HubName

STYLE = """
body { margin: 24px 32px; font: 16px/1.5 sans-serif; color: #1b1f24; }
header { border-bottom: 1px solid #d8dee4; padding-bottom: 14px; font-size: 22px; }
header p { margin: 0 0 8px; }
header span { display: inline-block; margin: 0 6px 6px 0; padding: 1px 9px; font-size: 13px; }
header span, th, td { border: 1px solid #d0d7de; }
header span { border-radius: 9px; }
table { border-collapse: collapse; }
th, td { padding: 5px 11px; font-size: 14px; }
td { white-space: nowrap; }
pre, code { background: #f3f5f7; font: 14px/1.5 monospace; }
pre { padding: 11px; }
img { width: 320px; }
"""


def drawn(files: list[Path], name: HubName) -> str:
    """The page in HTML, complete in itself: tags on top, then the text with its pictures."""
    folder = hub_folder(files, name)
    _, front_matter, text = folder[PAGE].decode().split("---\n", 2)
    for path, data in folder.items():
        if path.endswith(".gif"):
            text = text.replace(f"({path})", f"(data:image/gif;base64,{base64.b64encode(data).decode()})")
    tags = "".join(f"<span>{escape(tag)}</span>" for tag in re.findall(r"(?m)^- (?!name:)(.+)$", front_matter))
    body = MarkdownIt("commonmark").enable("table").render(text)
    head = f'<!doctype html><meta charset="utf-8"><title>{escape(name.repo)}</title><style>{STYLE}</style>'
    return f"{head}<header><p>{escape(name.repo)}</p>{tags}</header>{body}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, help="Students' .onnx.")
    parser.add_argument("name", help="USER/REPO")
    parser.add_argument("--output", "-o", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.output.write_text(drawn(arguments.files, HubName.parse(arguments.name)), encoding="utf-8")


if __name__ == "__main__":
    main()
