"""The workbook that an editor starts from: an empty sheet, an example in two languages, and what each column is for."""

from collections.abc import Iterator

from memora.services.content_sheet import outline, workbooks
from memora.services.content_sheet.columns import (
	COLUMNS,
	HEADERS,
	ID,
	LESSON,
	LEVELS,
	STAGE,
	SUBJECT,
	TOPIC,
	TRACK,
	UNIT,
)
from memora.services.content_sheet.outline import Node

HELP_SHEET, ENGLISH_SHEET, ARABIC_SHEET = "Help", "Example", "مثال"
CHOICES = {column.header: column.choices for column in COLUMNS if column.choices}

_RULES = (
	(
		"Write on the sheet Content. Each row is one thing: its title stands in the column of its kind, and it belongs to "
		"what the rows above it name. A row may repeat the titles above its own.",
		"اكتب في ورقة Content. كل صف شيء واحد: يُكتب عنوانه في عمود نوعه، وينتمي إلى ما تذكره الصفوف التي فوقه. "
		"ويجوز أن يعيد الصف العناوين التي فوق عنوانه.",
	),
	(
		"A blank cell leaves what is there; in a new row it means the usual value. To empty a field, open its form.",
		"الخلية الفارغة تترك القيمة كما هي، وفي الصف الجديد تعني القيمة المعتادة. لتفريغ حقل افتح نموذجه.",
	),
	(
		"Nothing is deleted: what the sheet does not name stays as it is. The order of the rows becomes the order that "
		"players see. Only a lesson's stages are replaced, by the stages that the sheet names below it, if it names any.",
		"لا يُحذف شيء: ما لا تذكره الورقة يبقى كما هو. وترتيب الصفوف هو الترتيب الذي يراه الطلاب. مراحل الدرس وحدها "
		"تُستبدل بما تذكره الورقة تحته إن ذكرت شيئًا.",
	),
	(
		"A text longer than a cell goes on in the next row, in the same column, in a row without a title.",
		"النص الأطول من الخلية يُكمَل في الصف التالي في العمود نفسه، في صف بلا عنوان.",
	),
)
_TITLES = (
	("The subject's title. A sheet holds one subject.", "عنوان المادة. في الورقة مادة واحدة."),
	("Title of a track of the subject.", "عنوان مسار في المادة."),
	("Title of a unit of the track.", "عنوان وحدة في المسار."),
	("Title of a topic of the unit.", "عنوان موضوع في الوحدة."),
	("Title of a lesson of the topic.", "عنوان درس في الموضوع."),
	("Title of a stage of the lesson.", "عنوان مرحلة في الدرس."),
)
_ID_HELP = (
	"The document that the row is, as an export writes it. Blank: the one of this title in the same place, else a new "
	"one. With it a title can be changed, or the row put elsewhere in the subject.",
	"رقم الوثيقة كما يكتبه التصدير. إن تُرك فارغًا فهي صاحبة العنوان نفسه في الموضع نفسه، وإلا أُنشئت وثيقة جديدة. "
	"وبه يمكن تغيير العنوان أو نقل الصف داخل المادة.",
)


def make_template() -> bytes:
	sheets = {
		workbooks.SHEET_NAME: [HEADERS],
		ENGLISH_SHEET: outline.write(english_example()),
		ARABIC_SHEET: outline.write(arabic_example()),
		HELP_SHEET: help_rows(),
	}
	return workbooks.write_xlsx(sheets, CHOICES, right_to_left=[ARABIC_SHEET])


def help_rows() -> Iterator[tuple[str, ...]]:
	"""Header, rows that have it, what it is for, in English and in Arabic."""
	yield "Column", "For", "What to write", "ما يُكتب"
	for rule in _RULES:
		yield "", "", *rule
	for level, told in zip(LEVELS, _TITLES, strict=True):
		yield level, level, *told
	yield ID, ", ".join(LEVELS[:STAGE]), *_ID_HELP
	for column in COLUMNS:
		yield column.header, ", ".join(LEVELS[level] for level in column.levels), *column.help


def english_example() -> Node:
	video = {
		"type": "Video",
		"config": '{"url": "https://example.com/fractions.mp4"}',
		"weight": 1,
		"target_time": 180,
	}
	quiz = {
		"type": "Quiz",
		"config": '{"questions": [{"prompt": "1/2 + 1/2 = ?", "options": ["1", "2"], "correct": 0}]}',
		"weight": 2,
		"is_skippable": 0,
	}
	return _example(
		("Mathematics", "Numbers", "Fractions", "Adding"),
		("Halves", "Thirds"),
		(("Watch", video), ("Try it", quiz)),
	)


def arabic_example() -> Node:
	text = {"type": "Text", "config": '{"markdown": "المبتدأ اسم مرفوع."}', "weight": 1, "target_time": 120}
	question = {
		"type": "Question",
		"config": '{"kind": "true_false", "prompt": "المبتدأ مرفوع.", "correct": true}',
		"weight": 1,
	}
	return _example(
		("اللغة العربية", "النحو", "الجملة الاسمية", "المبتدأ والخبر"),
		("تعريف المبتدأ", "تعريف الخبر"),
		(("اقرأ", text), ("أجب", question)),
	)


def _example(
	above: tuple[str, str, str, str], lessons: tuple[str, str], stages: tuple[tuple[str, dict], ...]
) -> Node:
	subject = Node(SUBJECT, above[0], values={"is_published": 0, "is_linear": 1, "color_code": "#1f6feb"})
	parent = subject
	for level, title in zip((TRACK, UNIT, TOPIC), above[1:], strict=True):
		parent.children.append(Node(level, title, values={"is_published": 1, "is_linear": 1}))
		parent = parent.children[0]
	for title in lessons:
		parent.children.append(Node(LESSON, title, values={"is_published": 1, "base_xp": 10}))
	parent.children[0].children = [Node(STAGE, title, values=values) for title, values in stages]
	return subject
