frappe.listview_settings["CDN Sync Log"] = {
	add_fields: ["next_retry_at"],

	get_indicator({ status, next_retry_at }) {
		if (status === "Failed" && next_retry_at) {
			return [__("Will be retried"), "yellow", "status,=,Failed|next_retry_at,is,set"];
		}
		const colors = {
			Queued: "gray",
			Processing: "blue",
			Success: "green",
			Failed: "orange",
			"Dead Letter": "red",
		};
		return [__(status), colors[status], `status,=,${status}`];
	},

	button: {
		show: ({ plan_id }) => plan_id,
		get_label: () => __("Open Plan"),
		get_description: ({ plan_id }) => __("Open plan {0}", [frappe.utils.escape_html(plan_id)]),
		action: ({ plan_id }) => frappe.set_route("Form", "Memora Academic Plan", plan_id),
	},

	onload(list) {
		list.page.add_inner_button(__("CDN Export Status"), () => frappe.set_route("cdn-export-status"));
	},
};
