frappe.ui.form.on("Memora Subject", {
	refresh(frm) {
		if (frm.is_new()) return;
		frm.add_custom_button(__("Content Tree"), () => frappe.set_route("memora-content", frm.doc.name));
	},
});
