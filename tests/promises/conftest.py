"""The records of the families whose tests were asked for: `pytest tests/promises -k vae` makes one."""

import functools
from collections import defaultdict

import budget
import numpy as np
import pytest
from families import FAMILIES
from workers import BACKENDS, Workers


@pytest.fixture(params=FAMILIES, ids=lambda family: family.name, scope="session")
def family(request):
    return request.param


@pytest.fixture(params=BACKENDS, scope="session")
def on(request):
    """The backend that a promise is about."""
    return request.param


@pytest.fixture(scope="session")
def workers(request, tmp_path_factory):
    """All records, made by three processes."""
    asked = {
        item.callspec.params["family"].name
        for item in request.session.items
        if "workers" in getattr(item, "fixturenames", ())
    }
    workers = Workers(tmp_path_factory.mktemp("records"))
    workers.make([family.name for family in FAMILIES if family.name in asked])
    spent = defaultdict(float)
    for job in workers.jobs.values():
        spent[f"family {job.family}"] += job.seconds
    request.config.stash[budget.RECORDS] = dict(spent)
    return workers


@pytest.fixture(scope="session")
def results(workers):
    """Gives the arrays of a job, by kind and backend; fails with what the worker said."""

    @functools.cache
    def load(kind, backend, name):
        job = workers.jobs[kind, backend, name]
        if job.problem:
            pytest.fail(job.problem, pytrace=False)
        with np.load(job.target) as file:
            return {key: file[key] for key in file.files}

    return load


@pytest.fixture
def record(results, family, on):
    return results("record", on, family.name)


@pytest.fixture
def reference(results, family):
    """The same on torch without any compilation."""
    return results("eager", "torch", family.name)
