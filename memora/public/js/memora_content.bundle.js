// What the forms of content, the form of a plan, the content tree and the page CDN Export Status share.

import { form_events, show_link_titles_as_text } from "./content_form.js";
import { preview_plan } from "./plan_preview.js";

frappe.provide("memora.content");

const ACCESS_LABELS = {
	public: () => __("Public"),
	authenticated: () => __("Authenticated"),
	free_preview: () => __("Free Preview"),
	paid: () => __("Paid"),
};

Object.assign(memora.content, {
	// The access object of a published file; null for what players are not shown.
	access_html(access) {
		if (!access) return `<span class="text-muted">${__("Not shown")}</span>`;
		const item = access.required_item;
		return ACCESS_LABELS[access.access_level]() + (item ? ` (${frappe.utils.escape_html(item)})` : "");
	},

	show_dialog(title, html) {
		const fields = [{ fieldtype: "HTML", fieldname: "body", options: html }];
		const dialog = new frappe.ui.Dialog({ title, size: "large", fields });
		dialog.show();
		return dialog;
	},

	form_events,
	preview_plan,
	show_link_titles_as_text,
});
