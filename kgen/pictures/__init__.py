"""PNG pictures: grids of images, walks between latents, nearest neighbours, points of the plane.

Images are float (n, height, width, channels) in [-1, 1] with 1, 3 or 4 channels; values outside
are clipped. Every function that saves returns the path that it wrote and changes no global state.
"""

from kgen.pictures.densities import density_image, save_densities
from kgen.pictures.grids import save_grid, save_samples, save_scatter
from kgen.pictures.latents import save_interpolation, save_reconstructions
from kgen.pictures.neighbours import save_neighbours
from kgen.pictures.paths import save_inpainting, save_paths

__all__ = [
    "density_image",
    "save_densities",
    "save_grid",
    "save_inpainting",
    "save_interpolation",
    "save_neighbours",
    "save_paths",
    "save_reconstructions",
    "save_samples",
    "save_scatter",
]
