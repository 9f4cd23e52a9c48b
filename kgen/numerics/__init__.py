"""Numerical methods that know of no model: solvers of ordinary differential equations."""
