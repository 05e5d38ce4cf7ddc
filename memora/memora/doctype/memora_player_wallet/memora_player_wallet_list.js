frappe.listview_settings["Memora Player Wallet"] = {
	hide_name_column: true,
	add_fields: ["last_success_date"],
	get_indicator({ last_success_date }) {
		const yesterday = moment.utc().subtract(1, "day").format("YYYY-MM-DD");
		if (!last_success_date) return [__("No Streak Yet"), "gray", "last_success_date,is,not set"];
		if (last_success_date < yesterday) {
			return [__("Streak Lapsed"), "orange", `last_success_date,<,${yesterday}`];
		}
		return [__("Streak Stands"), "green", `last_success_date,>=,${yesterday}`];
	},
};
