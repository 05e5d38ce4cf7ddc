"""One bucket, changed so that every manifest in it stays true.

Files are put and deleted after the manifests in the bucket have lost the promises that this breaks (`claims`). What is
put is read back. Whoever changes a bucket holds `exclusive`, since plans share lesson files.
"""

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from memora.services.cdn_export import (
	cdn_uploader,
	claims,
	cloudflare,
	local_storage,
	object_reader,
	orphans,
	state_store,
	storage_client,
)
from memora.services.cdn_export import content_paths as paths
from memora.services.cdn_export.config import CdnSettings
from memora.services.cdn_export.errors import UploadFailed
from memora.services.cdn_export.upload_records import UploadRecords

MAX_ERRORS_TOLD = 5
PLANS_FOLDER = "plans"
_LOCK = "upload"


@dataclass
class CdnResult:
	"""What was done. `notes` are errors that do not fail a publish: of the purge, of deletions.

	incomplete_plans: plans whose manifests there lost a promise. They are to be published again.
	"""

	uploaded: list[str] = field(default_factory=list)
	deleted: list[str] = field(default_factory=list)
	bytes_uploaded: int = 0
	verified: bool = False
	notes: list[str] = field(default_factory=list)
	incomplete_plans: set[str] = field(default_factory=set)


class Bucket:
	"""A bucket with what is known of it. `on_progress(done, total)` is called often while files are on their way."""

	def __init__(self, settings: CdnSettings, on_progress: Callable[[int, int], None] | None = None):
		self.settings, self.name = settings, settings.bucket_name
		self.client = storage_client.get_cdn_client(settings)
		self.records = UploadRecords(settings.target)
		self.on_progress = on_progress
		self.result = CdnResult()

	@contextlib.contextmanager
	def exclusive(self, wait_seconds: float = state_store.LOCK_WAIT_SECONDS) -> Iterator[None]:
		"""One at a time on this site.

		Raises:
			PlanBuildBusy: another upload took too long.
			UploadFailed: the storage refused something or is away.
		"""
		with state_store.lock(_LOCK, wait_seconds):
			try:
				yield
			except storage_client.StorageError as error:
				raise UploadFailed(self.settings.redact(str(error))) from error

	def put_verified(self, files: Mapping[str, bytes]) -> None:
		"""Put what the bucket is not known to hold, and compare all of it; what differs is put once more.

		Raises:
			UploadFailed: not every object is there with these bytes.
		"""
		hashes = {path: local_storage.hashes_of(content) for path, content in files.items()}
		known = self.records.known(hashes)
		unknown = {path: files[path] for path in hashes if known.get(path) != hashes[path]["sha256"]}
		self._retract({path: hashes[path]["sha256"] for path in unknown})
		self._put(unknown)
		for last_try in (False, True):
			differing = self._find_missing_or_differing(hashes)
			if not differing:
				return
			if last_try:
				raise UploadFailed(
					f"the storage gives back other bytes of {', '.join(differing[:MAX_ERRORS_TOLD])}"
				)
			self._put({path: files[path] for path in differing})

	def put_manifest(self, path: str, content: bytes) -> None:
		"""Put a manifest whose files are all there, and read it back."""
		sha256 = local_storage.hashes_of(content)["sha256"]
		known = self.records.known([path]).get(path) == sha256
		if known and object_reader.holds(self.client, self.name, path, sha256):
			return
		self._put({path: content})
		if not object_reader.holds(self.client, self.name, path, sha256):
			raise UploadFailed(f"the storage gives back other bytes of {path}")

	def delete(self, doomed: Collection[str]) -> tuple[list[str], list[str]]:
		"""Delete objects, manifests first, and return (deleted, failed). What failed is told in the result's notes."""
		manifests = [path for path in doomed if paths.kind_of(path) == paths.MANIFEST]
		others = [path for path in doomed if path not in set(manifests)]
		deleted, failed = self._delete(manifests)
		self._retract(dict.fromkeys(others))
		more_deleted, more_failed = self._delete(others)
		return [*deleted, *more_deleted], [*failed, *more_failed]

	def delete_plan(self, plan_id: str) -> None:
		"""Delete a plan's manifest, then its folder.

		Raises:
			UploadFailed: not everything is gone.
		"""
		folder = paths.plan_folder(plan_id)
		_, failed = self.delete([paths.manifest_path(plan_id)])
		if not failed:
			_, failed = self._delete(object_reader.list_keys(self.client, self.name, folder))
		if failed:
			raise UploadFailed("; ".join(self.result.notes))

	def delete_orphans(self) -> list[str]:
		"""Delete what no manifest names and whose time has come; returns the paths."""
		deleted = orphans.delete_due_on_cdn(self._named_among, self.delete)
		self.result.deleted.extend(deleted)
		return deleted

	def purge(self, changed: Iterable[str]) -> None:
		"""Drop the addresses of these files from the CDN's cache, when there is one."""
		zone, token = self.settings.cloudflare_zone_id, self.settings.cloudflare_api_token
		urls = [f"{cdn_uploader.get_cdn_base_url(self.settings)}/{quote(path)}" for path in changed]
		if not (zone and token and urls):
			return
		answer = cloudflare.purge_cdn_cache(zone, token, urls)
		if not answer["success"]:
			errors = [str(error.get("message", error)) for error in answer["errors"]] or ["no reason given"]
			self._note(f"The CDN's cache was not purged: {self._tell(errors)}")

	def manifests_that_may_name(self, candidates: Collection[str]) -> dict[str, bytes]:
		"""{path: bytes} of the manifests in the bucket that can name one of these files.

		One that is known to be the same as on disk is read there.
		"""
		shared = any(paths.kind_of(path) == paths.LESSON for path in candidates)
		folders = object_reader.list_folders(self.client, self.name, PLANS_FOLDER) if shared else []
		everywhere = {f"{folder}/manifest.json" for folder in folders}
		own = {paths.manifest_path(claims.plan_of(path)) for path in candidates if path.count("/") > 1}
		wanted = sorted(everywhere | own)
		known = self.records.known(wanted)
		on_disk = {path: content for path, content in local_storage.read_all_bytes(wanted).items() if content}
		same = {
			path: content
			for path, content in on_disk.items()
			if local_storage.hashes_of(content)["sha256"] == known.get(path)
		}
		read = object_reader.read_objects(
			self.client, self.name, [path for path in wanted if path not in same]
		)
		return {**same, **{path: content for path, content in read.items() if content}}

	def _named_among(self, candidates: Collection[str]) -> set[str]:
		manifests = self.manifests_that_may_name(candidates).values()
		return {path for manifest in manifests for path in claims.named(manifest)} & set(candidates)

	def _retract(self, replaced: Mapping[str, str | None]) -> None:
		if not replaced:
			return
		retracted = claims.retract(self.manifests_that_may_name(replaced), replaced)
		self._upload(retracted)
		self.purge(retracted)
		self.result.incomplete_plans |= set(map(claims.plan_of, retracted))

	def find_differing(self, hashes: Mapping[str, Mapping[str, str]], etags: Mapping[str, str]) -> list[str]:
		"""Which of the listed objects have other bytes than these. What had to be fetched to know is remembered."""
		known = self.records.known(hashes)
		sure = {path for path in hashes if known.get(path) == hashes[path]["sha256"]}
		proven = self.records.proven_etags(sure)
		differing = object_reader.find_differing(self.client, self.name, etags, hashes, proven)
		same = (sure & set(etags)) - set(differing)
		news = {
			path: etags[path] for path in same if etags[path] not in (hashes[path]["md5"], proven.get(path))
		}
		self.records.remember_etags(news)
		return differing

	def _find_missing_or_differing(self, hashes: Mapping[str, Mapping[str, str]]) -> list[str]:
		etags: dict[str, str] = {}
		for folder in sorted(set(map(state_store.scope_of, hashes))):
			etags |= object_reader.list_etags(self.client, self.name, folder)
		return [*(path for path in hashes if path not in etags), *self.find_differing(hashes, etags)]

	def _put(self, contents: Mapping[str, bytes]) -> None:
		self._upload(contents)
		self.result.uploaded.extend(contents)
		self.result.bytes_uploaded += sum(map(len, contents.values()))

	def _upload(self, contents: Mapping[str, bytes]) -> None:
		if not contents:
			return
		self.records.forget(contents)
		results = cdn_uploader.upload_many(self.client, self.name, contents, self.on_progress)
		done = [path for path, result in results.items() if result.success]
		self.records.remember({path: local_storage.hashes_of(contents[path])["sha256"] for path in done})
		if len(done) < len(contents):
			self.purge(done)  # the next try finds them uploaded and would not purge them
			errors = [f"{path}: {result.error}" for path, result in results.items() if not result.success]
			raise UploadFailed(f"{len(contents) - len(done)} files were not uploaded. {self._tell(errors)}")

	def _delete(self, doomed: Collection[str]) -> tuple[list[str], list[str]]:
		if not doomed:
			return [], []
		self.records.forget(doomed)
		deleted, failed, errors = cdn_uploader.delete_many(self.client, self.name, doomed)
		if errors:
			self._note(f"Not deleted from the CDN: {self._tell(errors)}")
		return deleted, failed

	def _note(self, text: str) -> None:
		self.result.notes.append(text)

	def _tell(self, errors: list[str]) -> str:
		return self.settings.redact("; ".join(errors[:MAX_ERRORS_TOLD]))
