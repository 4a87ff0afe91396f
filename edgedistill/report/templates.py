"""Pages out of the templates beside this file."""

from jinja2 import Environment, PackageLoader, StrictUndefined

_TEMPLATES = Environment(
    # Whatever is put in is a text, some of it a stranger's: its marks are escaped.
    loader=PackageLoader("edgedistill.report", ""), autoescape=True, undefined=StrictUndefined,
    trim_blocks=True, lstrip_blocks=True,
)  # fmt: skip


def render(template: str, **values: object) -> bytes:
    """A page out of a template; what it names must be among the values."""
    # A path may hold bytes that are no character in UTF-8.
    return _TEMPLATES.get_template(template).render(values).encode(errors="replace")
