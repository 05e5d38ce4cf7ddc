"""Memora: the backend of a gamified learning app, as a Frappe custom app."""

__version__ = "0.1.0"
