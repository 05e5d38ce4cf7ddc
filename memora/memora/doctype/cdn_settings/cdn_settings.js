frappe.ui.form.on("CDN Settings", {
	refresh(frm) {
		frm.add_custom_button(__("Test Connection"), () => test_connection(frm));
		frm.add_custom_button(__("CDN Export Status"), () => frappe.set_route("cdn-export-status"));
		show_target(frm);
	},
	enabled: show_target,
	local_fallback_mode: show_target,
});

function test_connection(frm) {
	if (frm.is_dirty()) {
		frappe.msgprint(__("Save the settings before testing the connection."));
		return;
	}
	frappe
		.call({ method: "memora.api.cdn_admin.test_connection", freeze: true })
		.then(({ message }) => tell_connection(message));
}

function tell_connection({ status, bucket, error }) {
	const safe = [bucket || "–", error].map((text) => frappe.utils.escape_html(text));
	if (status === "success") {
		frappe.show_alert({ message: __("The bucket {0} can be written.", safe), indicator: "green" });
	} else {
		frappe.msgprint({
			title: __("No Connection"),
			indicator: "red",
			message: __("The bucket {0} cannot be written: {1}", safe),
		});
	}
}

function show_target(frm) {
	const { enabled, local_fallback_mode } = frm.doc;
	frm.set_intro();
	if (enabled && local_fallback_mode) {
		frm.set_intro(__("While Local Fallback Mode is on, nothing is uploaded."), "orange");
	} else if (!enabled) {
		frm.set_intro(__("The CDN is off: published files stay on this server."), "blue");
	}
}
