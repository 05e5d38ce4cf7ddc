// What publishing a plan would change, in a dialog from which it can be published. Everything in it is text or a link.

const PREVIEW_SENTENCES = {
	publish: () => __("Publishing now would change what players see:"),
	withdraw: () => __("The plan is not published. Withdrawing it removes its files:"),
	nothing: () => __("Everything is published as it is. Publishing now would change nothing."),
	fail: () => __("The plan cannot be published as it is:"),
};
const BUTTONS = { publish: () => __("Publish"), withdraw: () => __("Withdraw") };
// Longer lists are closed at first.
const OPEN_ROWS = 10;

// publish: called when the button is pressed.
export async function preview_plan({ plan_id, title, publish }) {
	const { message: preview } = await frappe.call({
		method: "memora.api.cdn_admin.preview",
		type: "GET",
		args: { plan_id },
		freeze: true,
	});
	const dialog = memora.content.show_dialog(
		__("Changes of {0}", [frappe.utils.escape_html(title)]),
		`<div class="memora-preview">${preview_html(preview)}</div>`
	);
	if (!BUTTONS[preview.action]) return;
	dialog.set_primary_action(BUTTONS[preview.action](), () => {
		dialog.hide();
		publish();
	});
}

function preview_html(preview) {
	const { action, counts, errors } = preview;
	return [
		`<p>${PREVIEW_SENTENCES[action]()}</p>`,
		list_html(__("Errors"), errors.map(text_html), errors.length),
		figures_html(preview),
		access_changes_html(preview),
		list_html(__("Added"), preview.added.map(path_html), counts.added),
		list_html(__("Changed"), preview.changed.map(path_html), counts.changed),
		list_html(__("Removed"), preview.removed.map(path_html), counts.removed),
	].join("");
}

function figures_html({ counts, unchanged, players }) {
	const figures = [
		[__("Files added"), counts.added],
		[__("Files changed"), counts.changed],
		[__("Files removed"), counts.removed],
		[__("Files unchanged"), unchanged],
		[__("Access changes"), counts.access_changes],
		[__("Players of this plan"), players],
	].map(
		([label, value]) => `<div><div class="memora-figure">${cint(value)}</div>
			<div class="text-muted small">${label}</div></div>`
	);
	return `<div class="memora-figures">${figures.join("")}</div>`;
}

function access_changes_html({ access_changes, counts }) {
	if (!access_changes.length) return "";
	const rows = access_changes.map(
		({ doctype, id, title, was, becomes }) => `<tr>
			<td dir="auto">${frappe.utils.get_form_link(doctype, id, true, frappe.utils.escape_html(title))}</td>
			<td>${__(doctype)}</td>
			<td>${memora.content.access_html(was)}</td>
			<td>${memora.content.access_html(becomes)}</td>
		</tr>`
	);
	const headings = [__("Content"), __("Kind"), __("Was"), __("Becomes")].map((text) => `<th>${text}</th>`);
	const table = `<table class="table table-bordered small">
		<thead><tr>${headings.join("")}</tr></thead>
		<tbody>${rows.join("")}</tbody>
	</table>`;
	return details_html(
		__("Access that changes"),
		table + rest_html(counts.access_changes - rows.length),
		counts.access_changes
	);
}

// items: HTML. count: how many there are, of which the server may have told only the first.
function list_html(title, items, count) {
	if (!items.length) return "";
	const rows = items.map((item) => `<li>${item}</li>`);
	return details_html(title, `<ul class="small">${rows.join("")}</ul>${rest_html(count - items.length)}`, count);
}

function details_html(title, html, count) {
	return `<details ${count <= OPEN_ROWS ? "open" : ""}>
		<summary>${title} <span class="text-muted">${cint(count)}</span></summary>${html}
	</details>`;
}

function rest_html(count) {
	return count > 0 ? `<p class="text-muted small">${__("and {0} more", [count])}</p>` : "";
}

function path_html(path) {
	return `<bdi dir="ltr">${frappe.utils.escape_html(path)}</bdi>`;
}

function text_html(text) {
	return `<bdi>${frappe.utils.escape_html(text)}</bdi>`;
}
