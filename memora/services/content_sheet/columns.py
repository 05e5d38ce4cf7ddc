"""The columns of a subject's sheet: what each is called, for which rows it is, and what may stand in it. Pure.

A row is one subject, track, unit, topic, lesson or stage: the level of the last title column that it fills. Limits are
those of the documents; here they are known by column, so that an editor is told where to look.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from memora.utils import json_text

LEVELS = ("Subject", "Track", "Unit", "Topic", "Lesson", "Stage")
SUBJECT, TRACK, UNIT, TOPIC, LESSON, STAGE = range(6)
ID = "ID"
MAX_TITLE_LENGTH = MAX_ITEM_LENGTH = 140
MAX_TEXT_BYTES = 65_535  # of a Text column
MAX_BASE_XP = 1000
MAX_WEIGHT = 1_000_000
MAX_TARGET_TIME_SECONDS = 86_400
STAGE_TYPES = ("Video", "Text", "Quiz", "Question", "Interactive")

_YES, _NO = "Yes", "No"
_TRUTHS = {
	**dict.fromkeys(("yes", "y", "true", "1", "نعم"), 1),
	**dict.fromkeys(("no", "n", "false", "0", "لا"), 0),
}
_INTEGER = re.compile(r"[0-9]{1,9}\Z")
_COLOR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})\Z")


@dataclass(frozen=True)
class Column:
	"""One column of values.

	read: a cell's text as the field's value; raises ValueError with the rest of a sentence that began with the header.
	is_long: its text may be longer than a cell, and go on in rows without a title.
	default: what a stage has where the cell is blank. Blank cells of other rows leave the field as it is.
	"""

	header: str
	fieldname: str
	levels: tuple[int, ...]
	read: Callable[[str], Any]
	help: tuple[str, str]
	choices: tuple[str, ...] = ()
	is_long: bool = False
	default: Any = None

	def write(self, value: Any) -> str | int:
		if value is None:
			return ""
		if self.choices == (_YES, _NO):
			return _YES if value else _NO
		return value


def read_title(text: str) -> str:
	title = text.strip()
	if not 1 <= len(title) <= MAX_TITLE_LENGTH:
		raise ValueError(f"must have 1 to {MAX_TITLE_LENGTH} characters")
	if any(unicodedata.category(character) in ("Cc", "Cs") for character in title):
		raise ValueError("must be one line")
	return title


def _read_flag(text: str) -> int:
	truth = _TRUTHS.get(text.strip().lower())
	if truth is None:
		raise ValueError("must be Yes or No")
	return truth


def _read_number(high: int) -> Callable[[str], int]:
	def read(text: str) -> int:
		number = int(text) if _INTEGER.match(text := text.strip()) else None
		if number is None or number > high:
			raise ValueError(f"must be a whole number from 0 to {high}")
		return number

	return read


def _read_item(text: str) -> str:
	if len(text.strip()) > MAX_ITEM_LENGTH:
		raise ValueError(f"must have at most {MAX_ITEM_LENGTH} characters")
	return text.strip()


def _read_text(text: str) -> str:
	if len(text.encode()) > MAX_TEXT_BYTES:
		raise ValueError(f"is too long: at most {MAX_TEXT_BYTES} bytes can be stored")
	return text


def _read_color(text: str) -> str:
	if not _COLOR.match(text.strip()):
		raise ValueError("must look like #1f6feb")
	return text.strip()


def _read_stage_type(text: str) -> str:
	for stage_type in STAGE_TYPES:
		if stage_type.lower() == text.strip().lower():
			return stage_type
	raise ValueError(f"must be one of {', '.join(STAGE_TYPES)}")


def _flag(
	header: str, fieldname: str, levels: tuple[int, ...], help: tuple[str, str], default=None
) -> Column:
	return Column(header, fieldname, levels, _read_flag, help, choices=(_YES, _NO), default=default)


COLUMNS = (
	Column(
		"Description",
		"description",
		(SUBJECT, TRACK, UNIT, TOPIC, LESSON),
		_read_text,
		("A text about it.", "وصف مختصر."),
		is_long=True,
	),
	_flag(
		"Published",
		"is_published",
		(SUBJECT, TRACK, UNIT, TOPIC, LESSON),
		(
			"Yes or No. Players see it when it and everything above it is published.",
			"Yes أو No. يراه الطلاب إذا نُشر هو وكل ما فوقه.",
		),
	),
	_flag(
		"Linear",
		"is_linear",
		(SUBJECT, TRACK, UNIT, TOPIC),
		(
			"Yes: what is below opens one after the other. No: all at once.",
			"Yes: يُفتح ما تحته واحدًا بعد الآخر. No: يُفتح كله معًا.",
		),
	),
	_flag(
		"Free Preview",
		"is_free_preview",
		(SUBJECT, TRACK, UNIT, TOPIC, LESSON),
		("Yes: free for everybody, whatever is paid above it.", "Yes: مجاني للجميع وإن كان ما فوقه مدفوعًا."),
	),
	_flag(
		"Public",
		"is_public",
		(SUBJECT,),
		("Yes: visible without signing in, unless an item is required.", "Yes: يظهر دون تسجيل الدخول."),
	),
	Column(
		"Required Item",
		"required_item",
		(SUBJECT, TRACK),
		_read_item,
		("Code of the item that a player must own.", "رمز المنتج الذي يجب أن يملكه الطالب."),
	),
	_flag(
		"Sold Separately",
		"is_sold_separately",
		(TRACK,),
		("Yes: sold as an item of its own beside the subject.", "Yes: يُباع منفصلًا عن المادة."),
	),
	_flag(
		"Parent Item Required",
		"parent_item_required",
		(TRACK,),
		("Yes: the subject's item must be owned as well.", "Yes: يلزم امتلاك منتج المادة أيضًا."),
	),
	Column("Color", "color_code", (SUBJECT,), _read_color, ("A color such as #1f6feb.", "لون مثل ‎#1f6feb.")),
	Column(
		"Base XP",
		"base_xp",
		(LESSON,),
		_read_number(MAX_BASE_XP),
		(f"XP for finishing the lesson, 0 to {MAX_BASE_XP}.", f"نقاط إنهاء الدرس، من 0 إلى {MAX_BASE_XP}."),
	),
	Column(
		"Type",
		"type",
		(STAGE,),
		_read_stage_type,
		(
			"What the app shows: Video, Text, Quiz, Question or Interactive.",
			"نوع المرحلة التي يعرضها التطبيق.",
		),
		choices=STAGE_TYPES,
		default="Text",
	),
	Column(
		"Weight",
		"weight",
		(STAGE,),
		_read_number(MAX_WEIGHT),
		("The stage's share of the lesson's XP.", "نصيب المرحلة من نقاط الدرس."),
		default=0,
	),
	Column(
		"Target Time",
		"target_time",
		(STAGE,),
		_read_number(MAX_TARGET_TIME_SECONDS),
		("Seconds that the stage should take.", "الزمن المتوقع للمرحلة بالثواني."),
		default=0,
	),
	_flag(
		"Skippable",
		"is_skippable",
		(STAGE,),
		("Yes: the player may skip the stage.", "Yes: يستطيع الطالب تخطي المرحلة."),
		default=0,
	),
	Column(
		"Config",
		"config",
		(STAGE,),
		json_text.normalise_object,
		(
			"The stage's content: one JSON object, handed to the app as it is.",
			"محتوى المرحلة: كائن JSON واحد يصل إلى التطبيق كما هو.",
		),
		is_long=True,
		default="{}",
	),
)
HEADERS = (*LEVELS, ID, *(column.header for column in COLUMNS))
COLUMN_BY_HEADER = {column.header: column for column in COLUMNS}


def columns_of(level: int) -> list[Column]:
	return [column for column in COLUMNS if level in column.levels]
