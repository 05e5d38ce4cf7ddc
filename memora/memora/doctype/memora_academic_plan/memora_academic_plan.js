const CONTENT_DOCTYPES = [
	"Memora Subject",
	"Memora Track",
	"Memora Unit",
	"Memora Topic",
	"Memora Lesson",
];

frappe.ui.form.on("Memora Academic Plan", {
	setup(frm) {
		frm.set_query("target_doctype", "overrides", () => ({
			filters: { name: ["in", CONTENT_DOCTYPES] },
		}));
	},
});
