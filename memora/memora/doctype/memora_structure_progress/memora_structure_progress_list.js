frappe.listview_settings["Memora Structure Progress"] = {
	hide_name_column: true,
	get_indicator({ completion_percentage }) {
		if (completion_percentage >= 100) return [__("Completed"), "green", "completion_percentage,>=,100"];
		if (completion_percentage > 0) return [__("In Progress"), "blue", "completion_percentage,>,0"];
		return [__("Not Started"), "gray", "completion_percentage,=,0"];
	},
};
