"""How Sphinx builds this documentation."""

import os
import sys
import warnings
from importlib.metadata import version as version_of
from pathlib import Path
from urllib.parse import urlsplit

# Pyramid and Cornice import it, and so do the pages that are made from the code.
warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "cdb"
author = "The cdb developers"
copyright = author  # noqa: A001 - Sphinx wants this name
release = version = version_of("hep-cdb")

extensions = [
    "myst_nb",
    "notfound.extension",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_design",
    "sphinxext.opengraph",
    "api_reference",
    "command_reference",
    "diagram",
    "metrics_reference",
    "plugin_reference",
    "settings_reference",
    "values_reference",
]
# Cards are written with colons, so that an editor shows what is in them as text.
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
# Docstrings write names as Markdown does.
default_role = "literal"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
napoleon_use_ivar = True
# A reference that leads nowhere is a warning; but what the standard library has, and what stands
# in a signature and is nobody's to make, is on no page.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(abc|collections|datetime|enum|pathlib)\..*"),
    ("py:.*", r"cdb_client\.(bundle\.Bundle|conditions\.Answer|http\.Service)"),
    ("py:class", "Service"),
]
# The notebook is run by the tests, and shown with the outputs that it has kept.
nb_execution_mode = "off"
exclude_patterns = ["_build"]
highlight_language = "none"
# The lexer of consoles wants a prompt before every line of a command, which nobody could paste.
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "furo"
html_static_path = ["_static"]
# Where the site will stand, if that is known: the page for addresses that lead nowhere is shown
# anywhere, and finds its style from there; search engines and chats are told it.
html_baseurl = ogp_site_url = os.environ.get("CDB_DOCS_URL", "")
notfound_urls_prefix = urlsplit(html_baseurl).path or "/"
# What a page begins with is what they say of it.
ogp_enable_meta_description = True
ogp_social_cards = {"enable": False}

# `make links`: what is an example, or a service on the reader's machine, is not asked.
linkcheck_ignore = [r"https?://(127\.0\.0\.1|localhost|[\w.-]*example\.org)\b"]
linkcheck_timeout = 20
linkcheck_retries = 2
html_title = f"cdb {release}"
