"""HTML to PDF by WeasyPrint, out of what it is handed and nothing else: no address is ever fetched.

WeasyPrint needs Pango from the system, and Chinese needs a font that has it. Where either is missing the answer is one
sentence that says what to install, and never a page of empty boxes.
"""

import importlib
from types import ModuleType

from django.utils.translation import gettext_lazy as _

from common.errors import Refused

# Debian's names; .ci/run, Dockerfile and README name the same (tests/house/test_pdf_libraries.py)
LIBRARIES = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0")
FONT = "fonts-noto-cjk"


def render(html: str) -> bytes:
    """The PDF of a whole HTML document with its styles inside. Refused "pdf_libraries_missing" or "pdf_font_missing"
    (503) where the machine lacks something."""
    weasyprint = _weasyprint()
    nothing = weasyprint.urls.URLFetcher(allowed_protocols=[])
    document = weasyprint.HTML(string=html, url_fetcher=nothing).render()
    written = document.write_pdf()
    if any(font.missing for font in document.fonts.values()):  # code points that none of the machine's fonts has
        raise Refused(
            "pdf_font_missing",
            _("PDFs need a font with Chinese characters on the server: apt-get install %(package)s.")
            % {"package": FONT},
            status=503,
        )
    return bytes(written)


def _weasyprint() -> ModuleType:
    # at first use and not at start: loading Pango costs a second, and a machine without it does everything else
    try:
        return importlib.import_module("weasyprint")
    except (OSError, ImportError) as missing:
        raise Refused(
            "pdf_libraries_missing",
            _("PDFs need Pango on the server: apt-get install %(packages)s.") % {"packages": " ".join(LIBRARIES)},
            status=503,
        ) from missing
