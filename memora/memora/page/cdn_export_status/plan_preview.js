// What publishing a plan would change, in a dialog. Needs elements.js.

function show_preview(found, title, publish) {
	const dialog = new frappe.ui.Dialog({
		title: __("Changes of {0}", [frappe.utils.escape_html(title)]),
		size: "large",
		fields: [{ fieldname: "changes", fieldtype: "HTML" }],
	});
	if (["publish", "withdraw"].includes(found.action)) {
		dialog.set_primary_action(found.action === "publish" ? __("Publish") : __("Withdraw"), () => {
			dialog.hide();
			publish();
		});
	}
	dialog.fields_dict.changes.$wrapper.addClass("cdn-preview").append(preview_content(found));
	dialog.show();
}

function preview_content(found) {
	return [
		element("p", "cdn-preview-summary", preview_summary(found)),
		...(found.errors.length ? [path_list(__("Errors"), found.errors, found.errors.length)] : []),
		...(found.access_changes.length ? [access_table(found)] : []),
		...[
			[__("Added"), "added"],
			[__("Changed"), "changed"],
			[__("Removed"), "removed"],
		]
			.filter(([, name]) => found.counts[name])
			.map(([label, name]) => path_list(label, found[name], found.counts[name])),
	];
}

function preview_summary({ action, counts, unchanged, players }) {
	if (action === "fail") return __("The plan cannot be published as it is.");
	if (action === "nothing") return __("What is published is up to date: {0} files.", [unchanged]);
	const { added, changed, removed } = counts;
	return [
		__("{0} files are added, {1} changed, {2} removed, {3} stay.", [added, changed, removed, unchanged]),
		" ",
		players === 1 ? __("One player has this plan.") : __("{0} players have this plan.", [players]),
	];
}

function path_list(label, paths, count) {
	const rest =
		count > paths.length ? [element("li", "text-muted", __("and {0} more", [count - paths.length]))] : [];
	return element(
		"details",
		"",
		element("summary", "", label, element("span", "cdn-count", String(count))),
		element(
			"ul",
			"cdn-paths",
			paths.map((path) => element("li", "", path)),
			rest
		)
	).attr("open", paths.length <= 10);
}

function access_table({ access_changes, counts }) {
	const rows = access_changes.map(({ doctype, title, was, becomes }) => [
		element("span", "cdn-plan", title),
		__(doctype),
		access_label(was),
		access_label(becomes),
	]);
	return element(
		"details",
		"",
		element(
			"summary",
			"",
			__("Access changes"),
			element("span", "cdn-count", String(counts.access_changes))
		),
		table([__("Title"), __("Kind"), __("Until now"), __("Then")], rows)
	).attr("open", rows.length <= 10);
}

function access_label(access) {
	if (!access) return element("span", "text-muted", __("not shown"));
	const labels = {
		public: __("public"),
		authenticated: __("after login"),
		free_preview: __("free preview"),
		paid: __("paid"),
	};
	const item = access.required_item ? ` (${access.required_item})` : "";
	return (labels[access.access_level] || access.access_level) + item;
}
