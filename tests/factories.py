"""What tests are about: content, plans and players, made through the real documents inside the test's transaction.

Names that must be unique on a site end in a random part, so that nothing depends on what earlier runs left.
"""

import uuid

import frappe


def new_uuid() -> str:
	return str(uuid.uuid4())


def unique(text: str) -> str:
	return f"{text} {uuid.uuid4().hex[:8]}"


def insert(doctype: str, **values):
	return frappe.get_doc({"doctype": doctype, **values}).insert(ignore_permissions=True)


def reload(doc):
	"""The document as the database has it."""
	return frappe.get_doc(doc.doctype, doc.name)


def make_track(subject: str, **values):
	return insert(
		"Memora Track", **{"title": "Track", "is_published": 1, "parent_subject": subject, **values}
	)


def make_unit(track: str, **values):
	return insert("Memora Unit", **{"title": "Unit", "is_published": 1, "parent_track": track, **values})


def make_topic(unit: str, **values):
	return insert("Memora Topic", **{"title": "Topic", "is_published": 1, "parent_unit": unit, **values})


def make_lesson(topic: str, **values):
	return insert("Memora Lesson", **{"title": "Lesson", "is_published": 1, "parent_topic": topic, **values})


def make_subject(title: str = "Subject", *, tracks=1, units=1, topics=1, lessons=2, **values):
	"""A published subject with this many children in each node; the lessons are its last level.

	The document carries the names below it, in tree order: `track_names`, `unit_names`, `topic_names`, `lesson_names`.
	"""
	subject = insert("Memora Subject", **{"title": title, "is_published": 1, **values})
	made = {"track": [], "unit": [], "topic": [], "lesson": []}
	for track_index in range(tracks):
		made["track"].append(make_track(subject.name, sort_order=track_index).name)
		for unit_index in range(units):
			made["unit"].append(make_unit(made["track"][-1], sort_order=unit_index).name)
			for topic_index in range(topics):
				made["topic"].append(make_topic(made["unit"][-1], sort_order=topic_index).name)
				for lesson_index in range(lessons):
					made["lesson"].append(make_lesson(made["topic"][-1], sort_order=lesson_index).name)
	for kind, names in made.items():
		setattr(subject, f"{kind}_names", names)
	return subject


def make_plan(title: str | None = None, *, subjects=(), overrides=(), **values):
	"""A published plan.

	Args:
		subjects: names of subjects, in order.
		overrides: (target_doctype, target_name, action) or the same with a value as fourth.
	"""
	columns = ("target_doctype", "target_name", "action", "override_value")
	rows = [dict(zip(columns, row, strict=False)) for row in overrides]
	return insert(
		"Memora Academic Plan",
		**{
			"title": title or unique("Plan"),
			"is_published": 1,
			"subjects": [{"subject": name, "sort_order": index} for index, name in enumerate(subjects)],
			"overrides": rows,
			**values,
		},
	)


def make_user(*roles: str, **values):
	"""An enabled user with these roles (names of Role) and no password."""
	user = insert(
		"User",
		**{
			"email": f"{uuid.uuid4().hex[:12]}@example.com",
			"first_name": "Test",
			"send_welcome_email": 0,
			# Frappe makes the first desk user of a site a System Manager. Roles with desk access still make one.
			"user_type": "Website User",
			"roles": [{"role": role} for role in roles],
			**values,
		},
	)
	return user


def make_player(*, devices=(), user=None, **values):
	"""A student's profile.

	Args:
		devices: names of devices, each authorized under a new id.
		user: name of the User, else a new student.
	"""
	user = user or make_user("Memora Student").name
	rows = [{"device_id": new_uuid(), "device_name": name} for name in devices]
	return insert("Memora Player Profile", **{"user": user, "authorized_devices": rows, **values})
