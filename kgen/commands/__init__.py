"""The commands of `kgen`, each in a file of its own; `kgen.cli` lists them."""
