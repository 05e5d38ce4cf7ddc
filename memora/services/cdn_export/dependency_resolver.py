"""Which plans a change touches: from the changed document up to its subjects, then to the published plans with them."""

from collections.abc import Collection

import frappe
from memora.services.cdn_export.plan_content import LESSON, PARENT_FIELDS, SUBJECT, TOPIC, TRACK, UNIT

PLAN, STAGE = "Memora Academic Plan", "Memora Lesson Stage"
_PLAN_ROWS = ("Memora Plan Subject", "Memora Plan Override")
_PLAN_LINKS = {"Memora Season": "season", "Memora Grade": "grade", "Memora Stream": "stream"}
PARENTS = {LESSON: TOPIC, TOPIC: UNIT, UNIT: TRACK, TRACK: SUBJECT}


def get_affected_plan_ids(doctype: str, docname: str) -> list[str]:
	"""Names of the published plans to rebuild after a change of this document, sorted.

	A plan itself is always named, published or not: its own change may be that it no longer is.
	"""
	if doctype == PLAN:
		return [docname]
	if doctype in _PLAN_ROWS:
		plan = _parent_of_row(doctype, docname, PLAN)
		return [plan] if plan else []
	if doctype in _PLAN_LINKS:
		return _published({_PLAN_LINKS[doctype]: docname})
	subject = _subject_above(doctype, docname)
	return _plans_with_subject(subject) if subject else []


def get_touched(changes: Collection[tuple[str, str]]) -> tuple[set[str], set[str]]:
	"""What many changes touch, in one query for each DocType among them and one more.

	Args:
		changes: (doctype, name) of documents as they are now. A plan is always named, as in `get_affected_plan_ids`.

	Returns:
		(published plans to rebuild, subjects that no published plan lists)
	"""
	names_by_doctype: dict[str, set[str]] = {}
	for doctype, name in changes:
		names_by_doctype.setdefault(doctype, set()).add(name)
	plans = names_by_doctype.pop(PLAN, set())
	subjects: set[str] = set()
	for doctype, names in names_by_doctype.items():
		if doctype in _PLAN_LINKS:
			plans |= set(_published({_PLAN_LINKS[doctype]: ["in", sorted(names)]}))
		else:
			subjects |= _subjects_above(doctype, names)
	listed = _published_plans_by_subject(subjects)
	return plans.union(*listed.values()), subjects - set(listed)


def _subjects_above(doctype: str, names: Collection[str]) -> set[str]:
	"""Of many documents of one content DocType."""
	if doctype == SUBJECT:
		return set(names)
	start, joins, parent = doctype, "", f"node.{PARENT_FIELDS[doctype]}"
	while (above := PARENTS[doctype]) != SUBJECT:
		alias = frappe.scrub(above)
		joins += f" join `tab{above}` {alias} on {alias}.name = {parent}"
		doctype, parent = above, f"{alias}.{PARENT_FIELDS[above]}"
	rows = frappe.db.sql(
		f"select distinct {parent} from `tab{start}` node{joins} where node.name in %s", (tuple(names),)
	)
	return {subject for (subject,) in rows}


def _published_plans_by_subject(subjects: Collection[str]) -> dict[str, set[str]]:
	if not subjects:
		return {}
	rows = frappe.db.sql(
		f"""select row.subject, plan.name from `tabMemora Plan Subject` row
		join `tab{PLAN}` plan on plan.name = row.parent and plan.is_published = 1
		where row.subject in %s and row.parenttype = '{PLAN}'""",
		(tuple(subjects),),
	)
	plans: dict[str, set[str]] = {}
	for subject, plan in rows:
		plans.setdefault(subject, set()).add(plan)
	return plans


def get_direct_plans_for_content(doctype: str, docname: str) -> list[str]:
	"""Names of the published plans that list this subject, or carry an override for this node, sorted."""
	rows = frappe.get_all(
		"Memora Plan Override",
		filters={"target_doctype": doctype, "target_name": docname, "parenttype": PLAN},
		pluck="parent",
	)
	listed = _plans_with_subject(docname) if doctype == SUBJECT else []
	return sorted({*listed, *_published_among(rows)})


def _subject_above(doctype: str, docname: str) -> str | None:
	"""Walk up to the subject. A document seen twice ends the walk."""
	seen: set[tuple[str, str]] = set()
	while docname and (doctype, docname) not in seen:
		seen.add((doctype, docname))
		if doctype == SUBJECT:
			return docname
		doctype, docname = _parent_of(doctype, docname)
	return None


def _parent_of(doctype: str, docname: str) -> tuple[str, str | None]:
	if doctype == STAGE:
		return LESSON, _parent_of_row(STAGE, docname, LESSON)
	if doctype not in PARENTS:
		return doctype, None
	return PARENTS[doctype], frappe.db.get_value(doctype, docname, PARENT_FIELDS[doctype])


def _parent_of_row(doctype: str, docname: str, parenttype: str) -> str | None:
	return frappe.db.get_value(doctype, {"name": docname, "parenttype": parenttype}, "parent")


def _plans_with_subject(subject: str) -> list[str]:
	rows = frappe.get_all(
		"Memora Plan Subject", filters={"subject": subject, "parenttype": PLAN}, pluck="parent"
	)
	return _published_among(rows)


def _published_among(plans: Collection[str]) -> list[str]:
	return _published({"name": ["in", sorted(set(plans))]}) if plans else []


def _published(filters: dict) -> list[str]:
	return sorted(frappe.get_all(PLAN, filters={**filters, "is_published": 1}, pluck="name"))
