"""Progress that an earlier system left as lists of lessons. Finds nothing to do on a site that has none."""

from memora.services.progress_engine import migration


def execute():
	migration.migrate_to_bitmap_structure()
