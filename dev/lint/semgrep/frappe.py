"""Code that the rules beside this file must find, or must not, as the comment above each line says. Never imported."""

import pickle

import frappe
import requests
from frappe import _

# ruleid: value-of-a-site-kept-by-the-process
LANGUAGE = frappe.db.get_default("lang")
# ok: value-of-a-site-kept-by-the-process
MINUTES = 5
# ruleid: proxy-replaced
frappe.session = None


# ruleid: endpoint-without-verbs
@frappe.whitelist()
def open_to_every_verb(text, client):
	# ruleid: argument-names-the-user
	frappe.set_user(frappe.form_dict.usr)
	# ruleid: everybody-is-told
	frappe.publish_realtime("done", {"text": text})
	# ok: everybody-is-told
	frappe.publish_realtime("done", {"text": text}, user="a")
	# ruleid: text-is-formatted-before-it-is-translated
	frappe.throw(_(f"There is no {text}."))
	# ruleid: text-is-run
	pickle.loads(text)
	# ruleid: sql-with-a-value-in-its-text
	frappe.db.sql("select name from tabUser where name = '%s'" % text)
	# ok: sql-with-a-value-in-its-text
	frappe.db.sql("select name from tabUser where name = %s", text)
	# ruleid: certificate-not-checked
	requests.get("https://example.com", verify=False, timeout=5)


# ok: endpoint-without-verbs
@frappe.whitelist(methods=["GET"])
def read_only():
	# ruleid: text-is-run
	return eval("1")
