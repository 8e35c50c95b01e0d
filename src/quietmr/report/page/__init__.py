"""The report: one HTML file that shows what was removed, and how far it can be trusted.

``render`` puts it together from ``contents``; ``layers`` packs the volumes for the viewer, ``stills`` are the pictures
for paper, ``charts`` the small drawings, ``words`` what is said. Template, styles and scripts lie in ``assets``.
"""

from quietmr.report.page.contents import PageContents
from quietmr.report.page.render import report_page
from quietmr.report.page.saving import save_page

__all__ = ["PageContents", "report_page", "save_page"]
