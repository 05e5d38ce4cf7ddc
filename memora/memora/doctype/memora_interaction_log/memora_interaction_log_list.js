frappe.listview_settings["Memora Interaction Log"] = {
	hide_name_column: true,
	add_fields: ["seq"],
	get_indicator({ seq }) {
		if (seq) return [__("Award"), "green", "seq,>,0"];
		return [__("Audit"), "gray", "seq,is,not set"];
	},
};
