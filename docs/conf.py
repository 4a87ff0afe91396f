"""The site's settings: `make site` builds it from the pages of this folder, as they are read on a code host."""

from importlib.metadata import version as installed_version

project = "edgedistill"
author = "The edgedistill authors"
version = release = installed_version("edgedistill")

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
# Links to `page.md#a-heading`, as code hosts have them.
myst_heading_anchors = 4
# A link to something that is not there is an error (-W), and so is a page that no table of contents has.
nitpicky = True

html_theme = "furo"
html_title = "edgedistill"
html_theme_options = {"source_edit_link": ""}
html_copy_source = False
html_show_sourcelink = False
