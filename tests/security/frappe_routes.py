"""Every route by which Frappe reads, writes or talks about a document. A route that a version of Frappe lacks answers 404 or the like."""

import json
from typing import Any, NamedTuple
from urllib.parse import quote

import requests

from tests.http.app import App

ANYTHING = [["name", "is", "set"]]


class Route(NamedTuple):
	verb: str
	path: str
	body: dict[str, Any] | None = None
	files: dict[str, Any] | None = None

	def walk(self, app: App) -> requests.Response:
		if self.files:
			return app.request(self.verb, self.path, data=self.body, files=self.files, allow_redirects=False)
		sent = {"params": self.body} if self.verb in ("GET", "DELETE", "HEAD") else {"json": self.body}
		return app.request(self.verb, self.path, **sent, allow_redirects=False)


def method(called: str, verb: str = "GET", /, **arguments) -> Route:
	"""Lists and objects travel as JSON, as Desk sends them."""
	body = {
		key: json.dumps(value) if isinstance(value, list | dict) else value
		for key, value in arguments.items()
	}
	return Route(verb, f"/api/method/{called}", body)


def reads(doctype: str, name: str | int) -> list[Route]:
	"""All that may tell what is in a document, or that it is there."""
	listed, one = quote(doctype), quote(str(name), safe="")
	view = {"doctype": doctype, "fields": ["*"], "filters": ANYTHING, "page_length": 20, "start": 0}
	return [
		Route("GET", f"/api/resource/{listed}", {"fields": '["*"]', "limit_page_length": 50}),
		Route("GET", f"/api/resource/{listed}", {"fields": '["*"]', "parent": doctype}),
		Route("GET", f"/api/resource/{listed}/{one}"),
		Route("GET", f"/api/v1/resource/{listed}/{one}"),
		Route("GET", f"/api/v2/document/{listed}", {"fields": '["*"]'}),
		Route("GET", f"/api/v2/document/{listed}/{one}"),
		Route("GET", f"/api/v2/doctype/{listed}/count"),
		method("frappe.client.get", doctype=doctype, name=name),
		method("frappe.client.get", doctype=doctype, filters={"name": name}),
		method("frappe.client.get_list", doctype=doctype, fields=["*"]),
		method("frappe.client.get_list", doctype=doctype, fields=["*"], parent="User"),
		method(
			"frappe.client.get_list", doctype=doctype, fields=["owner", "count(*) as n"], group_by="owner"
		),
		method(
			"frappe.client.get_value", doctype=doctype, fieldname=["owner", "name"], filters={"name": name}
		),
		method("frappe.client.get_value", doctype=doctype, fieldname="owner", filters=name, parent="User"),
		method("frappe.client.get_single_value", doctype=doctype, field="owner"),
		method("frappe.client.get_password", "POST", doctype=doctype, name=name, fieldname="secret_key"),
		method("frappe.client.get_js", items=["assets/../site_config.json"]),
		method("frappe.client.validate_link", doctype=doctype, docname=name, fields=["owner"]),
		method("frappe.client.get_doc_permissions", doctype=doctype, docname=name),
		method("frappe.desk.form.load.getdoc", doctype=doctype, name=name),
		method("frappe.desk.form.load.getdoctype", doctype=doctype),
		method("frappe.desk.form.load.get_docinfo", "POST", doctype=doctype, name=name),
		method("frappe.desk.form.load.get_communications", doctype=doctype, name=name),
		method("frappe.desk.form.linked_with.get", doctype=doctype, docname=name),
		method("frappe.desk.form.utils.get_next", doctype=doctype, value=name, prev=0),
		method("frappe.desk.reportview.get", "POST", **view),
		method("frappe.desk.reportview.get_list", "POST", **view),
		method("frappe.desk.reportview.get_count", "POST", **view),
		method("frappe.desk.reportview.export_query", "POST", **view, title="x", file_format_type="CSV"),
		method("frappe.desk.reportview.get_stats", stats=["owner"], doctype=doctype),
		method("frappe.desk.reportview.get_sidebar_stats", stats=["owner"], doctype=doctype),
		method("frappe.desk.listview.get_list_settings", doctype=doctype),
		method("frappe.desk.listview.get_group_by_count", doctype=doctype, current_filters=[], field="owner"),
		method("frappe.desk.search.search_link", "POST", doctype=doctype, txt="", searchfield="owner"),
		method("frappe.desk.search.search_widget", "POST", doctype=doctype, txt="", filter_fields=["owner"]),
		method("frappe.desk.search.get_link_title", "POST", doctype=doctype, docname=name),
		method("frappe.desk.calendar.get_events", doctype=doctype, start="2000-01-01", end="2100-01-01"),
		method(
			"frappe.desk.treeview.get_all_nodes", doctype=doctype, label=name, parent=name, tree_method="x"
		),
		method("frappe.desk.treeview.get_children", doctype=doctype, parent=""),
		method("frappe.desk.query_report.run", report_name=doctype, filters={}),
		method("frappe.desk.notifications.get_open_count", doctype=doctype, name=name),
		method("frappe.desk.link_preview.get_preview_data", doctype=doctype, docname=name),
		method("frappe.desk.doctype.dashboard_chart.dashboard_chart.get", "POST", chart=_chart(doctype)),
		method(
			"frappe.desk.doctype.number_card.number_card.get_result",
			"POST",
			doc={"document_type": doctype, "function": "Count", "name": "x"},
			filters=[],
		),
		method("frappe.utils.print_format.download_pdf", doctype=doctype, name=name),
		method("frappe.utils.print_format.download_multi_pdf", doctype=doctype, name=[name]),
		method("frappe.www.printview.get_html_and_style", "POST", doc=doctype, name=name),
		method("frappe.www.printview.get_rendered_raw_commands", "POST", doc=doctype, name=name),
		Route("GET", "/printview", {"doctype": doctype, "name": name, "format": "Standard"}),
		Route("GET", f"/{quote(doctype.lower().replace(' ', '-'))}/{one}"),
		method("frappe.utils.global_search.search", text=name),
		method("frappe.utils.global_search.search", text="canary", doctype=doctype),
		method("frappe.utils.global_search.web_search", text="canary"),
		method(
			"frappe.website.doctype.web_form.web_form.get_form_data", "POST", doctype=doctype, docname=name
		),
		method("frappe.website.doctype.web_form.web_form.get_link_options", "POST", doctype=doctype),
		method("frappe.core.doctype.data_export.exporter.export_data", "POST", doctype=doctype, with_data=1),
		method("frappe.model.mapper.make_mapped_doc", "POST", method="frappe.client.get", source_name=name),
		method("frappe.model.utils.link_count.get", doctype=doctype),
		method("frappe.email.get_contact_list", txt="canary"),
		method("frappe.core.doctype.version.version.get_versions", doctype=doctype, docname=name),
		method("run_doc_method", "POST", dt=doctype, dn=name, method="as_dict"),
		method("run_doc_method", "POST", docs={"doctype": doctype, "name": name}, method="get_password"),
		method("frappe.handler.run_doc_method", "POST", dt=doctype, dn=name, method="show"),
		Route("POST", f"/api/resource/{listed}/{one}", {"run_method": "as_dict"}),
		Route("GET", f"/api/resource/{listed}/{one}", {"run_method": "as_dict"}),
		Route("GET", f"/api/v2/document/{listed}/{one}/method/as_dict"),
		Route("GET", "/", {"cmd": "frappe.client.get", "doctype": doctype, "name": name}),
	]


def _chart(doctype: str) -> dict:
	return {
		"doctype": "Dashboard Chart",
		"chart_type": "Group By",
		"document_type": doctype,
		"group_by_type": "Count",
		"group_by_based_on": "owner",
		"filters_json": "[]",
		"timeseries": 0,
	}


def writes(doctype: str, name: str | int, field: str, value: Any) -> list[Route]:
	"""All that may change a document, make one, or hang something on it."""
	listed, one = quote(doctype), quote(str(name), safe="")
	doc = {"doctype": doctype, "name": name, field: value}
	new = {"doctype": doctype, field: value, "title": "made by an attacker"}
	about = {"reference_doctype": doctype, "reference_name": name}
	upload = {"file": ("attack.txt", b"attack", "text/plain")}
	return [
		Route("POST", f"/api/resource/{listed}", {**new}),
		Route("PUT", f"/api/resource/{listed}/{one}", {field: value}),
		Route("POST", f"/api/resource/{listed}/{one}", {field: value, "run_method": "save"}),
		Route("DELETE", f"/api/resource/{listed}/{one}"),
		Route("POST", f"/api/v2/document/{listed}", {**new}),
		Route("PATCH", f"/api/v2/document/{listed}/{one}", {field: value}),
		Route("PUT", f"/api/v2/document/{listed}/{one}", {field: value}),
		Route("DELETE", f"/api/v2/document/{listed}/{one}"),
		method("frappe.client.set_value", "POST", doctype=doctype, name=name, fieldname=field, value=value),
		method("frappe.client.insert", "POST", doc=new),
		method("frappe.client.insert", "POST", doc={**doc, "parenttype": "User", "parent": "Guest"}),
		method("frappe.client.insert_many", "POST", docs=[new]),
		method("frappe.client.save", "POST", doc=doc),
		method("frappe.client.submit", "POST", doc=doc),
		method("frappe.client.cancel", "POST", doctype=doctype, name=name),
		method("frappe.client.rename_doc", "POST", doctype=doctype, old_name=name, new_name="attacked"),
		method("frappe.client.bulk_update", "POST", docs=[{**doc, "docname": name}]),
		method("frappe.client.set_default", "POST", key="attacked", value=name, parent=doctype),
		method("frappe.client.make_width_property_setter", "POST", doc={**doc, "doctype": "Property Setter"}),
		method(
			"frappe.client.attach_file",
			"POST",
			filename="attack.txt",
			filedata="x",
			doctype=doctype,
			docname=name,
		),
		Route("POST", "/api/method/upload_file", {"doctype": doctype, "docname": name}, upload),
		method("frappe.desk.form.save.savedocs", "POST", doc=doc, action="Save"),
		method("frappe.desk.form.save.savedocs", "POST", doc={**new, "__islocal": 1}, action="Save"),
		method("frappe.desk.form.save.cancel", "POST", doctype=doctype, name=name),
		method(
			"frappe.desk.form.utils.add_comment",
			"POST",
			**about,
			content="x",
			comment_email="a@b.c",
			comment_by="a",
		),
		method("frappe.desk.form.utils.remove_attach", "POST", dt=doctype, dn=name, fid="x"),
		method(
			"frappe.desk.form.assign_to.add", "POST", assign_to=["Administrator"], doctype=doctype, name=name
		),
		method("frappe.share.add", "POST", doctype=doctype, name=name, user="Guest", read=1),
		method(
			"frappe.share.set_permission",
			"POST",
			doctype=doctype,
			name=name,
			user="Guest",
			permission_to="read",
		),
		method("frappe.desk.doctype.tag.tag.add_tag", "POST", dt=doctype, dn=name, tag="attacked"),
		method("frappe.desk.like.toggle_like", "POST", doctype=doctype, name=name, add="Yes"),
		method("frappe.desk.form.document_follow.follow_document", "POST", doctype=doctype, doc_name=name),
		method("frappe.desk.reportview.delete_items", "POST", doctype=doctype, items=[name]),
		method(
			"frappe.desk.reportview.save_report", "POST", name="attack", doctype=doctype, report_settings="{}"
		),
		method(
			"frappe.desk.doctype.bulk_update.bulk_update.submit_cancel_or_update_docs",
			"POST",
			doctype=doctype,
			docnames=[name],
			action="update",
			data={field: value},
		),
		method(
			"frappe.desk.listview.set_list_settings", "POST", doctype=doctype, values={"disable_count": 1}
		),
		method(
			"frappe.model.rename_doc.update_document_title",
			"POST",
			doctype=doctype,
			docname=name,
			name="attacked",
		),
		method("frappe.model.delete_doc.delete_doc", "POST", doctype=doctype, name=name),
		method("frappe.model.workflow.apply_workflow", "POST", doc=doc, action="Approve"),
		method("frappe.website.doctype.web_form.web_form.accept", "POST", web_form="x", data=doc),
		method("frappe.website.doctype.web_form.web_form.delete", "POST", web_form_name="x", docname=name),
		method("frappe.core.doctype.data_import.data_import.form_start_import", "POST", data_import=name),
		method("frappe.core.doctype.deleted_document.deleted_document.restore", "POST", name=name),
		method("frappe.core.doctype.user_permission.user_permission.add_user_permissions", "POST", data=doc),
		method(
			"frappe.core.page.permission_manager.permission_manager.add",
			"POST",
			parent=doctype,
			role="Guest",
			permlevel=0,
		),
		method(
			"frappe.core.doctype.communication.email.make",
			"POST",
			doctype=doctype,
			name=name,
			content="x",
			recipients="a@b.c",
			send_email=0,
		),
		method(
			"frappe.automation.doctype.assignment_rule.assignment_rule.bulk_apply",
			"POST",
			doctype=doctype,
			docnames=[name],
		),
		method("run_doc_method", "POST", docs={**doc}, method="save"),
		method("run_doc_method", "POST", dt=doctype, dn=name, method="delete"),
		method("run_doc_method", "POST", dt=doctype, dn=name, method="db_set", args={field: value}),
	]
