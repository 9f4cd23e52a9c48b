"""One self-contained HTML page about a run, or about several side by side.

    kgen.report.write_report(["runs/vae_fashion"])

Importing this package loads neither Keras nor an image library.
"""

from kgen.report.page import write_report

__all__ = ["write_report"]
