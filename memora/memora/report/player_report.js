// What the reports about players share; each includes this file. Frappe takes it for a pattern's replacement on its way,
// so there is no backslash in it.

function player_report(...filters) {
	return {
		filters: [
			...filters,
			{ fieldname: "plan", label: __("Plan"), fieldtype: "Link", options: "Memora Academic Plan" },
			{ fieldname: "limit", label: __("Rows"), fieldtype: "Int", default: 100 },
		],
		formatter(value, row, column, player, format) {
			if (!player || !value) return format(value, row, column, player);
			if (column.fieldname === "user") return link_to_profile(player);
			if (column.fieldname === "display_name") return frappe.utils.escape_html(value);
			return format(value, row, column, player);
		},
	};
}

function link_to_profile({ player, user }) {
	return frappe.utils.get_form_link("Memora Player Profile", player, true, frappe.utils.escape_html(user));
}
