"""One self-contained HTML page about a run, or about several side by side.

    kgen.report.write_report(["runs/vae_fashion"])

Importing this package loads neither Keras nor an image library.
"""

from kgen.report.model_pictures import pictures_of
from kgen.report.page import write_report

__all__ = ["pictures_of", "write_report"]
