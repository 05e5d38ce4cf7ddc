"""The published plan of this site's disk becomes the one on the CDN.

Only what the bucket is not known to hold is uploaded, in parallel; then it is read back; then, while the build still
owns the plan, the manifest; then the changed addresses are purged and what no manifest names is deleted. A failure on
the way leaves the old manifest in place, and what was uploaded is remembered for the next try.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from memora.services.cdn_export import cdn_uploader, local_storage, orphans, state_store
from memora.services.cdn_export import content_paths as paths
from memora.services.cdn_export.config import CdnSettings
from memora.services.cdn_export.errors import UploadFailed

MAX_ERRORS_TOLD = 5


@dataclass
class CdnResult:
	"""What was done. `notes` are errors that do not fail a publish: of the purge, of deletions."""

	uploaded: list[str] = field(default_factory=list)
	deleted: list[str] = field(default_factory=list)
	bytes_uploaded: int = 0
	verified: bool = False
	notes: list[str] = field(default_factory=list)


class CdnPublisher:
	"""Brings one plan to one bucket. `still_owned` raises when another build took the plan; `renew` is called often."""

	def __init__(
		self, settings: CdnSettings, plan_id: str, renew: Callable[[], None], still_owned: Callable[[], None]
	):
		self.settings, self.plan_id = settings, plan_id
		self.bucket = settings.bucket_name
		self.client = cdn_uploader.get_cdn_client(settings)
		self.renew, self.still_owned = renew, still_owned
		self.result = CdnResult()

	def publish(self, files: Mapping[str, bytes]) -> CdnResult:
		"""Upload a plan.

		Args:
			files: the bytes of everything the plan consists of.

		Raises:
			UploadFailed: the manifest on the CDN is the old one.
			BuildLockLost: another build took the plan; its manifest is not touched.
		"""
		manifest = paths.manifest_path(self.plan_id)
		lessons = [path for path in files if paths.kind_of(path) == paths.LESSON]
		own = {
			path: content for path, content in files.items() if path != manifest and path not in set(lessons)
		}
		try:
			self._upload_lessons(lessons)
			self._upload_verified(own, paths.plan_folder(self.plan_id))
			self.still_owned()
			self._upload_manifest(manifest, files[manifest])
		except cdn_uploader.StorageError as error:
			raise UploadFailed(self.settings.redact(str(error))) from error
		self.result.verified = True
		self._delete_orphans()
		self._purge([*self.result.uploaded, *self.result.deleted])
		return self.result

	def withdraw(self, deleted_locally: Iterable[str]) -> CdnResult:
		"""Delete a plan, its manifest first, and the lessons that no plan names any more.

		Raises:
			UploadFailed: not everything of the plan is gone.
		"""
		manifest = paths.manifest_path(self.plan_id)
		was_there = self._uploads_of(manifest)
		*_, errors = cdn_uploader.delete_many(self.client, self.bucket, [manifest])
		if not errors:
			*_, errors = cdn_uploader.delete_folder(self.client, self.bucket, paths.plan_folder(self.plan_id))
		if errors:
			raise UploadFailed(self._tell(errors))
		self.result.deleted.extend(was_there)
		self._delete_orphans()
		state_store.forget(_record_name(manifest))
		self._purge({*self.result.deleted, *filter(paths.is_uploaded, deleted_locally)})
		self.result.verified = True
		return self.result

	def _upload_lessons(self, lessons: list[str]) -> None:
		"""Shared files: one uploader at a time, from what is on disk now, so an older lesson never lands last."""
		if not lessons:
			return
		with state_store.lock("upload-lessons"):
			known = self._uploads_of(lessons[0])
			hashes = local_storage.registered_hashes(lessons)
			changed = [path for path in lessons if known.get(path) != hashes.get(path, {}).get("sha256")]
			contents = local_storage.read_all_bytes(changed)
			# One that is gone was deleted by a newer build of another plan, which this plan will follow.
			contents = {path: content for path, content in contents.items() if content is not None}
			self._upload_verified(contents, paths.LESSONS_FOLDER)

	def _upload_verified(self, files: Mapping[str, bytes], folder: str) -> None:
		"""Upload what the bucket is not known to hold and compare the folder; what differs is uploaded once more."""
		hashes = {path: local_storage.hashes_of(content) for path, content in files.items()}
		if not hashes:
			return
		known = self._uploads_of(next(iter(hashes)))
		self._upload({path: files[path] for path in hashes if known.get(path) != hashes[path]["sha256"]})
		for last_try in (False, True):
			differing = cdn_uploader.find_mismatches(self.client, self.bucket, hashes, [f"{folder}/"])
			if not differing:
				return
			if last_try:
				raise UploadFailed(
					f"the storage gives back other bytes of {', '.join(differing[:MAX_ERRORS_TOLD])}"
				)
			self._upload({path: files[path] for path in differing})

	def _upload_manifest(self, path: str, content: bytes) -> None:
		hashes = local_storage.hashes_of(content)
		if not self._holds(path, hashes):
			self._upload({path: content})
			if not cdn_uploader.holds(self.client, self.bucket, path, hashes["sha256"]):
				raise UploadFailed(f"the storage gives back other bytes of {path}")

	def _holds(self, path: str, hashes: Mapping[str, Any]) -> bool:
		known = self._uploads_of(path).get(path) == hashes["sha256"]
		return known and cdn_uploader.holds(self.client, self.bucket, path, hashes["sha256"])

	def _upload(self, contents: Mapping[str, bytes]) -> None:
		if not contents:
			return
		results = cdn_uploader.upload_many(self.client, self.bucket, contents, self.renew)
		done = {path: contents[path] for path, result in results.items() if result.success}
		self._remember({path: local_storage.hashes_of(content)["sha256"] for path, content in done.items()})
		self.result.uploaded.extend(done)
		self.result.bytes_uploaded += sum(map(len, done.values()))
		if len(done) < len(contents):
			errors = [f"{path}: {result.error}" for path, result in results.items() if not result.success]
			raise UploadFailed(f"{len(contents) - len(done)} files were not uploaded. {self._tell(errors)}")

	def _uploads_of(self, path: str) -> dict[str, str]:
		"""{path: sha256} of what this bucket is known to hold in the path's scope."""
		record = state_store.read(_record_name(path))
		return record.get("files", {}) if record.get("target") == self.settings.target else {}

	def _remember(self, hashes: Mapping[str, str | None]) -> None:
		"""Note what the bucket holds now; None stands for what was deleted."""
		for name in set(map(_record_name, hashes)):
			with state_store.edit(name) as record:
				if record.get("target") != self.settings.target:
					record.clear()
				known = {
					**record.get("files", {}),
					**{p: h for p, h in hashes.items() if _record_name(p) == name},
				}
				record["target"] = self.settings.target
				record["files"] = {path: sha256 for path, sha256 in known.items() if sha256}

	def _delete_orphans(self) -> None:
		with state_store.lock("upload-lessons"):
			self.result.deleted.extend(orphans.delete_due_on_cdn(self._delete))

	def _delete(self, doomed: list[str]) -> tuple[list[str], list[str]]:
		deleted, failed, errors = cdn_uploader.delete_many(self.client, self.bucket, doomed)
		self._remember(dict.fromkeys(deleted))
		if errors:
			self.result.notes.append(f"Not deleted from the CDN: {self._tell(errors)}")
		return deleted, failed

	def _purge(self, changed: Iterable[str]) -> None:
		zone, token = self.settings.cloudflare_zone_id, self.settings.cloudflare_api_token
		urls = [f"{cdn_uploader.get_cdn_base_url(self.settings)}/{quote(path)}" for path in changed]
		if not (zone and token and urls):
			return
		answer = cdn_uploader.purge_cdn_cache(zone, token, urls)
		if not answer["success"]:
			errors = [str(error.get("message", error)) for error in answer["errors"]] or ["no reason given"]
			self.result.notes.append(f"The CDN's cache was not purged: {self._tell(errors)}")

	def _tell(self, errors: list[str]) -> str:
		return self.settings.redact("; ".join(errors[:MAX_ERRORS_TOLD]))


def _record_name(path: str) -> str:
	return f"uploads/{state_store.scope_of(path)}"
