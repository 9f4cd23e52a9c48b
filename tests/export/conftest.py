from functools import cache

import pytest
from export_models import model_of


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """Exports a family in a format, once; gives the directory."""

    @cache
    def export(family, format="tf_saved_model", jit_compile=True):
        path = tmp_path_factory.mktemp(family) / format
        model_of(family).export(path, format=format, jit_compile=jit_compile)
        return path

    return export
