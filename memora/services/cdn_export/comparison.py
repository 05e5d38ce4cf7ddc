"""Is what was published still there? Compares a plan's manifest with the disk, and the disk with the CDN.

Reads, and never changes a published file. What differs is put right by the next publish of the plan; `prepare_repair`
makes sure that it does not take anything for done.
"""

from collections.abc import Collection, Mapping

from memora.services.cdn_export import (
	claims,
	config,
	local_storage,
	object_reader,
	orphans,
	stamping,
	state_store,
)
from memora.services.cdn_export import content_paths as paths
from memora.services.cdn_export.bucket import Bucket
from memora.services.cdn_export.upload_records import UploadRecords

Differences = dict[str, list[str]]


def compare_locally(plan_id: str) -> Differences:
	"""A published plan's files on disk against its manifest.

	Returns:
		{"missing": [path], "mismatch": other bytes than promised, or a replacement that was never finished,
		 "orphan": what lies in the plan's folder, belongs to nothing and waits for no deletion}
	"""
	manifest_path = paths.manifest_path(plan_id)
	with state_store.lock(state_store.SITE_LOCK):
		manifest = local_storage.read_bytes(manifest_path)
		named = {manifest_path, *claims.named(manifest)}
		contents = local_storage.read_all_bytes(sorted(named))
		on_disk = local_storage.list_files(paths.plan_folder(plan_id))
	promised = {manifest_path: None, **claims.promised(manifest)}
	missing = [path for path, content in contents.items() if content is None]
	mismatch = [
		path
		for path, content in contents.items()
		if content is not None and promised.get(path, "") not in (None, stamping.describe(content)["sha256"])
	]
	return _differences(missing, mismatch, set(on_disk) - named - orphans.noted_locally())


def compare_with_cdn(plan_id: str) -> Differences:
	"""A published plan's objects on the CDN against the files on disk, its lessons among them.

	Takes a listing of the plan's folder and of the lessons, a thousand objects a request, and one request more for
	each object whose ETag is no MD5 and was never read back.

	Returns:
		As `compare_locally`; all empty while nothing goes to the CDN.

	Raises:
		PlanBuildBusy: an upload took too long.
		UploadFailed: the storage is away.
	"""
	settings = config.load_settings()
	if not settings.uploads:
		return _differences((), (), ())
	bucket, folder = Bucket(settings), paths.plan_folder(plan_id)
	with bucket.exclusive():
		expected = _expected_hashes(plan_id)
		etags = object_reader.list_etags(bucket.client, bucket.name, folder)
		etags |= object_reader.list_etags(bucket.client, bucket.name, paths.LESSONS_FOLDER)
		mismatch = bucket.find_differing(expected, etags)
	in_folder = {path for path in etags if state_store.scope_of(path) == folder}
	return _differences(
		set(expected) - set(etags), mismatch, in_folder - set(expected) - orphans.noted_on_cdn()
	)


def find_unnamed_lessons() -> dict[str, list[str]]:
	"""Lessons that no plan's manifest names and that wait for no deletion: {"local": [path], "cdn": [path]}.

	Raises:
		As `compare_with_cdn`.
	"""
	settings, on_cdn = config.load_settings(), []
	if settings.uploads:
		bucket = Bucket(settings)
		with bucket.exclusive():
			on_cdn = object_reader.list_keys(bucket.client, bucket.name, paths.LESSONS_FOLDER)
	with state_store.lock(state_store.SITE_LOCK):
		named = {
			path for manifest in local_storage.list_manifests() for path in local_storage.named_by(manifest)
		}
		on_disk = local_storage.list_files(paths.LESSONS_FOLDER)
	return {
		"local": sorted(set(on_disk) - named - orphans.noted_locally()),
		"cdn": sorted(set(on_cdn) - named - orphans.noted_on_cdn()),
	}


def prepare_repair(
	*,
	upload: Collection[str] = (),
	orphans_on_disk: Collection[str] = (),
	orphans_on_cdn: Collection[str] = (),
) -> None:
	"""Have the next publish upload these files whatever it remembers, and have the orphans deleted when they are due."""
	UploadRecords(config.load_settings().target).forget(upload)
	orphans.note(orphans_on_disk, orphans_on_cdn, withheld=())


def _expected_hashes(plan_id: str) -> Mapping[str, dict]:
	manifest_path = paths.manifest_path(plan_id)
	with state_store.lock(state_store.SITE_LOCK):
		contents = local_storage.read_all_bytes([manifest_path, *local_storage.named_by(manifest_path)])
	return {path: local_storage.hashes_of(content) for path, content in contents.items() if content}


def _differences(missing: Collection[str], mismatch: Collection[str], orphan: Collection[str]) -> Differences:
	return {"missing": sorted(missing), "mismatch": sorted(mismatch), "orphan": sorted(orphan)}
