"""The vocabulary of the API: what arguments and replies consist of, and what docs/openapi.json tells of each.

An alias is a type with JSON Schema beside it, made from the constants that the validators read. In a signature an
argument without `| None` is required; its default is None all the same, so that a missing one is InvalidInput.
"""

from typing import Annotated, Any

from memora.services import device_auth, xp_adjustments
from memora.services.content_tree import CONTENT_DOCTYPES
from memora.services.progress_engine.award import PLAYER_POLICY, PROGRESS_POLICY
from memora.utils import validators


class Facts(dict):
	"""JSON Schema beside a type. Hashed as an object, which `X | None` asks of what X carries."""

	__hash__ = object.__hash__


def _name(example: str) -> Facts:
	return Facts(minLength=1, maxLength=validators.MAX_ID_LENGTH, examples=[example])


# --- Names of documents ----------------------------------------------------------------------------------------

PlanId = Annotated[str, _name("PLAN-001")]
SubjectId = Annotated[str, _name("SUBJ-001")]
LessonId = Annotated[str, _name("LESSON-001")]
NodeId = Annotated[str, _name("TOPIC-001")]
ProfileId = Annotated[str, _name("PROFILE-001"), Facts(description="Name of a Memora Player Profile")]
UserId = Annotated[str, _name("salma@demo.memora.test")]
ContentDoctype = Annotated[str, Facts(enum=list(CONTENT_DOCTYPES), examples=[CONTENT_DOCTYPES[1]])]
Title = Annotated[str, _name("Fractions")]

# --- Accounts and devices --------------------------------------------------------------------------------------

Account = Annotated[
	str, _name("salma@demo.memora.test"), Facts(description="Email, user name or mobile number")
]
Password = Annotated[
	str,
	Facts(minLength=1, maxLength=validators.MAX_PASSWORD_LENGTH, format="password", examples=["secret"]),
]
Code = Annotated[str, _name("123456"), Facts(description="The code of a login in two steps, with its tmp_id")]
LoginStep = Annotated[str, _name("4f9d2c7a"), Facts(description="What the first step of a login answered")]
Email = Annotated[
	str,
	Facts(
		minLength=validators.MIN_EMAIL_LENGTH,
		maxLength=validators.MAX_ID_LENGTH,
		format="email",
		examples=["salma@demo.memora.test"],
	),
]
Uuid4 = Annotated[str, Facts(format="uuid", examples=["5a1e7b52-6f0d-4c39-9d41-2b8e0c6fa731"])]
ClientEventId = Annotated[
	Uuid4, Facts(description="Of the app's own making, a UUID of version 4; the same one is never paid twice")
]
DeviceName = Annotated[
	str,
	Facts(
		minLength=device_auth.MIN_DEVICE_NAME_LENGTH,
		maxLength=device_auth.MAX_DEVICE_NAME_LENGTH,
		examples=["Salma's tablet"],
	),
]

# --- Play ------------------------------------------------------------------------------------------------------

Hearts = Annotated[int, Facts(minimum=0, maximum=PROGRESS_POLICY.max_hearts, examples=[5])]
PlayerHearts = Annotated[int, Facts(minimum=0, maximum=PLAYER_POLICY.max_hearts, examples=[3])]
ClaimedXp = Annotated[
	int, Facts(minimum=validators.MIN_XP_CLAIM, maximum=validators.MAX_XP_CLAIM, examples=[50])
]
AdjustedXp = Annotated[
	int,
	Facts(
		{
			"minimum": -xp_adjustments.MAX_ADJUSTMENT,
			"maximum": xp_adjustments.MAX_ADJUSTMENT,
			"not": {"const": 0},
			"examples": [-50],
		}
	),
]
Reason = Annotated[
	str,
	Facts(
		minLength=xp_adjustments.MIN_REASON_LENGTH,
		maxLength=xp_adjustments.MAX_REASON_LENGTH,
		examples=["Entered for another student"],
	),
]
Count = Annotated[int, Facts(minimum=0, examples=[12])]
Xp = Annotated[int, Facts(examples=[150])]
Percent = Annotated[float, Facts(minimum=0, maximum=100, examples=[12.5])]

# --- Everything else -------------------------------------------------------------------------------------------

Moment = Annotated[
	str,
	Facts(
		pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$",
		description="UTC, without a zone",
		examples=["2026-01-27T10:30:00"],
	),
]
Day = Annotated[str, Facts(format="date", description="A UTC day", examples=["2026-01-27"])]
Seconds = Annotated[float, Facts(minimum=0, examples=[3.5])]
Path = Annotated[str, Facts(examples=["plans/PLAN-001/manifest.json"])]
Address = Annotated[str, Facts(examples=["https://cdn.example.com/plans/PLAN-001/manifest.json"])]
Switch = Annotated[bool, Facts(description='Also 0, 1, "true", "false", "yes" and "no"')]
File = Annotated[bytes, Facts(type="string", format="binary")]
Ignored = Annotated[Any, Facts(description="Sent by Desk and not looked at")]
