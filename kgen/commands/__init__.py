"""The commands of `kgen` that take more than a few lines; `kgen.cli` lists them."""
