"""The lectures' figures on GANs, each by a command.

    python recipes/figures/gan.py lines           TV, KL, JS and Wasserstein between parallel lines
    python recipes/figures/gan.py vanishing       the gradient of log(1 - D) against that of -log D
    python recipes/figures/gan.py clipping        critics under weight clipping and gradient penalty
    python recipes/figures/gan.py collapse        modes lost as it happens, and kept: a GIF
    python recipes/figures/gan.py arithmetic RUN  pullover - T-shirt + dress, of a run on fashion_mini

Walks between latents and the nearest neighbours of samples need no command: each run leaves them in
RUN/pictures when training ends, and `kgen report RUN` shows them.
"""

import argparse
from pathlib import Path

FIGURES = {
    "lines": "gan_curves",
    "vanishing": "gan_curves",
    "clipping": "gan_games",
    "collapse": "gan_games",
    "arithmetic": "gan_latents",
}


def main() -> None:
    parser = argparse.ArgumentParser(description="The lectures' figures on GANs.")
    parser.add_argument("figure", choices=list(FIGURES))
    parser.add_argument("run", nargs="?", type=Path, help="a run's directory, for arithmetic")
    parser.add_argument("--out", type=Path, help="default: FIGURE.png, or .gif, in this folder")
    options = parser.parse_args()
    if (options.figure == "arithmetic") != (options.run is not None):
        parser.error("arithmetic needs the directory of a run, and no other figure takes one")
    module = __import__(FIGURES[options.figure])  # only now: it loads Keras
    out = options.out or Path(f"{options.figure}.{'gif' if options.figure == 'collapse' else 'png'}")
    given = () if options.run is None else (options.run,)
    print(f"wrote {getattr(module, options.figure)(*given, out)}")


if __name__ == "__main__":
    main()
