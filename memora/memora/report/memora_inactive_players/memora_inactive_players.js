{% include "memora/memora/report/player_report.js" %}

frappe.query_reports["Memora Inactive Players"] = player_report({
	fieldname: "since",
	label: __("Not Played Since (UTC)"),
	fieldtype: "Date",
	default: frappe.datetime.add_days(frappe.datetime.get_today(), -14),
	reqd: 1,
});
