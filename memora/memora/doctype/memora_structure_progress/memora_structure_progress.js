frappe.ui.form.on("Memora Structure Progress", {
	onload: memora.content.show_link_titles_as_text,
	refresh(frm) {
		if (frm.is_new()) {
			return;
		}
		frm.dashboard.add_progress(
			__("Completion"),
			frm.doc.completion_percentage,
			__("{0} % of the lessons, as of the last sync", [frm.doc.completion_percentage])
		);
		frm.add_custom_button(__("Player"), () =>
			frappe.set_route("List", "Memora Player Profile", { user: frm.doc.player })
		);
	},
});
