frappe.ui.form.on("Memora Interaction Log", {
	refresh(frm) {
		// Content managers read the log, but not the players.
		if (frm.doc.player && frappe.model.can_read("Memora Player Profile")) {
			frm.add_custom_button(__("Player"), () =>
				frappe.set_route("List", "Memora Player Profile", { user: frm.doc.player })
			);
		}
		if (frm.doc.first_completion_of) {
			frm.add_custom_button(__("Lesson"), () =>
				frappe.set_route("Form", "Memora Lesson", frm.doc.first_completion_of)
			);
		}
	},
});
