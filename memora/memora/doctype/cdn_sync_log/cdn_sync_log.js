frappe.ui.form.on("CDN Sync Log", {
	refresh(frm) {
		frm.add_custom_button(__("CDN Export Status"), () => frappe.set_route("cdn-export-status"));
		offer_plan(frm);
	},
});

// The log outlives its plan.
function offer_plan(frm) {
	const { plan_id } = frm.doc;
	frappe.db.exists("Memora Academic Plan", plan_id).then((exists) => {
		if (!exists || frm.doc.plan_id !== plan_id) return;
		frm.add_custom_button(__("Open Plan"), () =>
			frappe.set_route("Form", "Memora Academic Plan", plan_id)
		);
	});
}
