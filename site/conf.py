"""Sphinx' settings for the site. tools/site.py lays out the sources and builds it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for course.py

project = "Make your own image recogniser"
author = "The course's authors"
copyright = "2026, the course's authors. Text and our own figures: CC BY 4.0; pictures as credited; code: MIT"
language = "en"

extensions = ["myst_nb", "course"]
nb_execution_mode = "off"  # what is shown is what was committed
myst_heading_anchors = 3
myst_enable_extensions = []

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["static"]
html_css_files = ["course.css"]
templates_path = ["templates"]
html_copy_source = False  # the notebooks with all their pictures once more
html_show_sphinx = False
html_use_index = False  # the glossary is the index
html_favicon = "static/icon.svg"
html_context = {"default_mode": "auto"}  # light or dark, as the reader's device is set
html_sidebars = {"**": ["navbar-logo.html", "search-button-field.html", "live.html", "sbt-sidebar-nav.html"]}
html_theme_options = {
    "show_navbar_depth": 1,
    "use_download_button": False,
    "home_page_in_toc": True,
    "toc_title": "On this page",
    "navbar_persistent": [],
    "footer_content_items": ["copyright.html"],
}
