"""Memora's log files.

Frappe hides everything below ERROR unless the site says otherwise, so a warning written through `frappe.logger` alone
is lost at default settings.
"""

import logging

import frappe

BYTES_PER_FILE = 1_000_000
FILES_KEPT = 10


def get_logger(name: str = "memora") -> logging.Logger:
	"""The logger behind `logs/{name}.log` of the bench and of the site; it writes INFO and above."""
	logger = frappe.logger(name, max_size=BYTES_PER_FILE, file_count=FILES_KEPT)
	logger.setLevel(min(logger.level, logging.INFO))
	return logger
