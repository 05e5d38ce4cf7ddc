const CONTENT_DOCTYPES = [
	"Memora Subject",
	"Memora Track",
	"Memora Unit",
	"Memora Topic",
	"Memora Lesson",
];
const UNFINISHED = ["Queued", "Processing"];
const POLL_MILLISECONDS = 3000;

frappe.ui.form.on("Memora Academic Plan", {
	setup(frm) {
		limit_targets(frm);
		show_titles_as_text();
		$(frm.wrapper).on("grid-row-render", (event, grid_row) => offer_values(frm, grid_row));
	},
	refresh(frm) {
		if (frm.is_new()) return;
		add_buttons(frm);
		show_last_publish(frm);
	},
});

frappe.ui.form.on("Memora Plan Override", {
	target_doctype(frm, cdt, cdn) {
		frappe.model.set_value(cdt, cdn, "target_name", null);
	},
	action(frm, cdt, cdn) {
		frappe.model.set_value(cdt, cdn, "override_value", null);
		offer_values(frm, frm.fields_dict.overrides.grid.grid_rows_by_docname[cdn]);
	},
	form_render(frm, cdt, cdn) {
		offer_values(frm, frm.fields_dict.overrides.grid.grid_rows_by_docname[cdn]);
	},
});

// Desk writes the titles of links into a table's cells as they are.
function show_titles_as_text() {
	const formatter = (value, df, options, doc) => {
		const doctype = df.fieldtype === "Link" ? df.options : doc && doc.target_doctype;
		const title = value && doctype && frappe.utils.get_link_title(doctype, value);
		return frappe.utils.escape_html(title || value || "");
	};
	frappe.meta.set_formatter("Memora Plan Subject", "subject", null, formatter);
	frappe.meta.set_formatter("Memora Plan Override", "target_name", null, formatter);
}

// Overrides

function limit_targets(frm) {
	frm.set_query("target_doctype", "overrides", () => ({
		filters: { name: ["in", CONTENT_DOCTYPES] },
	}));
	frm.set_query("target_name", "overrides", (doc) => ({
		query: "memora.api.content_admin.search_targets",
		filters: { subjects: (doc.subjects || []).map((row) => row.subject).filter(Boolean) },
	}));
}

function offer_values(frm, grid_row) {
	if (!grid_row || !grid_row.doc || grid_row.doc.doctype !== "Memora Plan Override") return;
	const df = grid_row.docfields.find((field) => field.fieldname === "override_value");
	values_of(frm, grid_row.doc.action).then((values) => {
		Object.assign(df, {
			fieldtype: "Autocomplete",
			options: values,
			// An item may be a new one; a level or yes and no are picked.
			ignore_validation: grid_row.doc.action === "Set Sold Separately" ? 1 : 0,
			formatter: (value) => shown_value(values, value),
		});
		for (const control of controls_of(grid_row, "override_value")) {
			control.set_data(values);
		}
		grid_row.refresh_field("override_value");
	});
}

function values_of(frm, action) {
	if (action === "Set Access Level") {
		return Promise.resolve([
			{ value: "public", label: __("Public") },
			{ value: "authenticated", label: __("Authenticated") },
			{ value: "free_preview", label: __("Free Preview") },
			{ value: "paid", label: __("Paid") },
		]);
	}
	if (action === "Set Linear") {
		return Promise.resolve([
			{ value: "1", label: __("Yes") },
			{ value: "0", label: __("No") },
		]);
	}
	return action === "Set Sold Separately" ? known_items(frm) : Promise.resolve([]);
}

function known_items(frm) {
	if (!frm.memora_known_items) {
		frm.memora_known_items = frappe
			.call({ method: "memora.api.content_admin.known_items", type: "GET" })
			.then(({ message }) =>
				message.map((item) => ({ value: item, label: frappe.utils.escape_html(item) }))
			);
	}
	return frm.memora_known_items;
}

function controls_of(grid_row, fieldname) {
	const forms = [grid_row.on_grid_fields_dict, grid_row.grid_form && grid_row.grid_form.fields_dict];
	return forms
		.map((fields) => fields && fields[fieldname])
		.filter((control) => control && control.set_data);
}

function shown_value(values, value) {
	const found = values.find((each) => each.value === value);
	return found ? found.label : frappe.utils.escape_html(value || "");
}

// Publishing

function add_buttons(frm) {
	frm.add_custom_button(__("Preview Changes"), () => preview_changes(frm));
	frm.add_custom_button(__("Published Files"), () => show_published_files(frm));
	if (frm.doc.is_published) {
		frm.add_custom_button(__("Publish Now"), () => publish_now(frm)).addClass("btn-primary");
	}
}

function publish_now(frm) {
	if (frm.is_dirty()) {
		frappe.msgprint(__("Save the plan before publishing it."));
		return;
	}
	frappe
		.call({
			method: "memora.api.cdn_admin.rebuild_plan",
			type: "POST",
			args: { plan_id: frm.doc.name },
			freeze: true,
		})
		.then(() => {
			frappe.show_alert({ message: __("The plan will be published soon."), indicator: "blue" });
			show_last_publish(frm);
		});
}

// Shows how the last publish went, and goes on asking until it has ended.
function show_last_publish(frm) {
	const plan_id = frm.doc.name;
	frappe
		.call({
			method: "memora.api.cdn_admin.history",
			type: "GET",
			args: { plan_id, limit: 1 },
		})
		.then(({ message }) => {
			if (frm.doc.name !== plan_id || !message.length) return;
			const { text, color } = told(message[0]);
			frm.dashboard.clear_headline();
			frm.dashboard.set_headline(text, color);
			if (UNFINISHED.includes(message[0].status)) {
				setTimeout(() => is_shown(frm, plan_id) && show_last_publish(frm), POLL_MILLISECONDS);
			}
		});
}

function is_shown(frm, plan_id) {
	const [, doctype, name] = frappe.get_route();
	return doctype === frm.doctype && name === plan_id && frm.doc.name === plan_id;
}

function told(publish) {
	const when = publish.completed_at ? moment.utc(publish.completed_at).fromNow() : "";
	switch (publish.status) {
		case "Queued":
			return { text: __("Waits to be published."), color: "blue" };
		case "Processing":
			return { text: __("Is being published."), color: "blue" };
		case "Success":
			return {
				text: __("Published {0}: {1} files written, {2} unchanged, {3} removed.", [
					when,
					publish.files_uploaded,
					publish.files_unchanged,
					publish.files_deleted,
				]),
				color: "green",
			};
		default:
			return {
				text: __("Publishing failed: {0}", [
					frappe.utils.escape_html((publish.error_message || "").split("\n")[0]),
				]),
				color: "red",
			};
	}
}

function preview_changes(frm) {
	if (frm.is_dirty()) {
		frappe.msgprint(__("Save the plan before previewing its changes."));
		return;
	}
	memora.content.preview_plan({
		plan_id: frm.doc.name,
		title: frm.doc.title,
		publish: () => publish_now(frm),
	});
}

function show_published_files(frm) {
	frappe
		.call({
			method: "memora.api.content_admin.published_files",
			type: "GET",
			args: { plan_id: frm.doc.name },
			freeze: true,
		})
		.then(({ message }) => memora.content.show_dialog(__("Published Files"), published_files_html(message)));
}

function published_files_html({ count, files }) {
	if (!count) return `<p>${__("Nothing of this plan is published.")}</p>`;
	const rows = files.map(
		(file) => `<tr>
			<td dir="ltr"><a href="${encodeURI(file.url)}" target="_blank" rel="noopener">
				${frappe.utils.escape_html(file.path)}</a></td>
			<td>${__(frappe.model.unscrub(file.kind))}</td>
		</tr>`
	);
	const cut = files.length < count ? `<p>${__("{0} of {1} files are listed.", [files.length, count])}</p>` : "";
	return `${cut}<table class="table table-bordered small"><tbody>${rows.join("")}</tbody></table>`;
}
