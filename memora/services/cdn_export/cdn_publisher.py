"""The published plan of this site's disk becomes the one on the CDN.

Only what the bucket is not known to hold is uploaded, in parallel; then it is read back; then, while the build still
owns the plan, the manifest; then what no manifest names is deleted. What another plan's build wrote locally in the
meantime is uploaded as it is now, so an older lesson never lands last. A failure on the way leaves every manifest there
true, and what was uploaded is remembered for the next try.
"""

from collections.abc import Callable, Collection, Iterable

from memora.services.cdn_export import content_paths as paths
from memora.services.cdn_export import local_publisher
from memora.services.cdn_export.bucket import Bucket, CdnResult
from memora.services.cdn_export.config import CdnSettings
from memora.utils import failpoints


class CdnPublisher:
	"""Brings one plan to one bucket.

	`on_progress(done, total)` is called often; `still_owned` raises when another build took the plan.
	"""

	def __init__(
		self,
		settings: CdnSettings,
		plan_id: str,
		on_progress: Callable[[int, int], None],
		still_owned: Callable[[], None],
	):
		self.manifest = paths.manifest_path(plan_id)
		self.plan_id, self.still_owned = plan_id, still_owned
		self.bucket = Bucket(settings, on_progress)

	def publish(self, files: Collection[str]) -> CdnResult:
		"""Upload a plan.

		Args:
			files: the paths of everything the plan consists of.

		Raises:
			PlanBuildBusy: another plan's upload took too long.
			UploadFailed: the manifest on the CDN is the old one, perhaps without what was replaced.
			BuildLockLost: another build took the plan; its manifest is not touched.
		"""
		with self.bucket.exclusive():
			contents = local_publisher.read_published(files)
			manifest = contents.pop(self.manifest)
			self.bucket.put_verified(contents)
			failpoints.reach("publish.uploaded")
			# Before the manifest: a cache must not answer with what the new manifest no longer means.
			self.bucket.purge(list(self.bucket.result.uploaded))
			self.still_owned()
			purged = len(self.bucket.result.uploaded)
			self.bucket.put_manifest(self.manifest, manifest)
			failpoints.reach("publish.manifest_uploaded")
			deleted = self.bucket.delete_orphans()
			self.bucket.purge([*self.bucket.result.uploaded[purged:], *deleted])
		return self._finish()

	def withdraw(self, deleted_locally: Iterable[str]) -> CdnResult:
		"""Delete a plan, its manifest first, and the lessons that no plan names any more.

		Raises:
			UploadFailed: not everything of the plan is gone.
		"""
		with self.bucket.exclusive():
			was_there = bool(self.bucket.records.known([self.manifest]))
			self.bucket.delete_plan(self.plan_id)
			deleted = self.bucket.delete_orphans()
			if was_there:
				self.bucket.result.deleted.append(self.manifest)
			self.bucket.records.forget_scope(paths.plan_folder(self.plan_id))
			self.bucket.purge({self.manifest, *deleted, *filter(paths.is_uploaded, deleted_locally)})
		return self._finish()

	def _finish(self) -> CdnResult:
		self.bucket.result.verified = True
		self.bucket.result.incomplete_plans.discard(self.plan_id)
		return self.bucket.result


def delete_due_orphans(settings: CdnSettings) -> CdnResult:
	"""Delete from the CDN what no manifest names and whose time has come.

	Raises:
		PlanBuildBusy: an upload took too long.
		UploadFailed: the storage is away; everything stays noted.
	"""
	bucket = Bucket(settings)
	with bucket.exclusive():
		bucket.purge(bucket.delete_orphans())
	return bucket.result
