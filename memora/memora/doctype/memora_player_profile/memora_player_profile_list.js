frappe.listview_settings["Memora Player Profile"] = {
	hide_name_column: true,
	add_fields: ["active_session_started"],
	get_indicator({ active_session_started }) {
		if (active_session_started) return [__("Logged In"), "green", "active_session_started,is,set"];
		return [__("Logged Out"), "gray", "active_session_started,is,not set"];
	},
};
