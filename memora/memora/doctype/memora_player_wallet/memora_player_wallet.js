frappe.ui.form.on("Memora Player Wallet", {
	refresh(frm) {
		if (frm.is_new()) {
			return;
		}
		frm.set_intro(
			__("The figures are the ledger's. What you change and save becomes a row of the ledger."),
			"blue"
		);
		frm.add_custom_button(__("Player"), () =>
			frappe.set_route("Form", "Memora Player Profile", frm.doc.player)
		);
	},
});
