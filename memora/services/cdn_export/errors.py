"""Why a publish ended without its manifest.

PublishError
├── PlanBuildBusy    another build holds the plan
├── BuildLockLost    the plan's lock went to another build on the way
├── BuildAbandoned   every try was killed before it ended
├── StaleContent     another build published a shared lesson after this one had read it
├── InvalidContent   a file does not fit its schema, or content cannot be put into a file
└── UploadFailed     the CDN took not every file, or gives back other bytes than it was given
"""

from memora.exceptions import MemoraError

MAX_ERRORS_TOLD = 5


class PublishError(MemoraError):
	"""The published plan is as it was before."""


class PlanBuildBusy(PublishError):
	http_status_code = 409


class BuildLockLost(PublishError):
	pass


class BuildAbandoned(PublishError):
	pass


class StaleContent(PublishError):
	http_status_code = 409


class InvalidContent(PublishError):
	"""`errors` says of each file why it does not fit; the message tells the first of them."""

	def __init__(self, *errors: str):
		self.errors = errors
		told = "; ".join(errors[:MAX_ERRORS_TOLD])
		super().__init__(told if len(errors) == 1 else f"{len(errors)} files are not valid. {told}")


class UploadFailed(PublishError):
	http_status_code = 502
