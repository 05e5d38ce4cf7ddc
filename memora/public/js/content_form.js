// What the forms of all content share: the place of the document, the plans that show it, and what deleting it would
// break. The server tells it all; here it is drawn.

const API = "memora.api.content_admin";
const MAX_NAMED = 20;

// Each kind of content: its name, many of it, and the button that adds one.
const KINDS = {
	"Memora Subject": { one: () => __("Subject"), many: () => __("Subjects") },
	"Memora Track": { one: () => __("Track"), many: () => __("Tracks"), add: () => __("Add Track") },
	"Memora Unit": { one: () => __("Unit"), many: () => __("Units"), add: () => __("Add Unit") },
	"Memora Topic": { one: () => __("Topic"), many: () => __("Topics"), add: () => __("Add Topic") },
	"Memora Lesson": { one: () => __("Lesson"), many: () => __("Lessons"), add: () => __("Add Lesson") },
};
const DOCTYPES = Object.keys(KINDS);

export const form_events = {
	setup(frm) {
		// Frappe has no event before its question whether to delete: this form asks the server first.
		const delete_after_question = frm.savetrash.bind(frm);
		frm.savetrash = () => show_breakage(frm, delete_after_question);
	},
	onload: show_link_titles_as_text,
	refresh(frm) {
		if (frm.is_new()) return;
		add_buttons(frm);
		show_place(frm);
	},
};

// Some versions of Frappe write the titles of links as they are.
export function show_link_titles_as_text(frm) {
	for (const { fieldname } of frm.meta.fields.filter(({ fieldtype }) => fieldtype === "Link")) {
		frappe.meta.set_formatter(frm.doctype, fieldname, frm.docname, link_as_text);
	}
}

function link_as_text(value, df) {
	return value ? form_link(df.options, value, frappe.utils.get_link_title(df.options, value) || value) : "";
}

function add_buttons(frm) {
	const child = DOCTYPES[DOCTYPES.indexOf(frm.doctype) + 1];
	frm.add_custom_button(__("Content Tree"), () => open_tree(frm));
	if (child) frm.add_custom_button(KINDS[child].add(), () => add_child(frm, child));
	frm.add_custom_button(__("What a Delete Would Break"), () => show_breakage(frm));
}

function ask(method, { doctype, docname }) {
	const args = { doctype, name: docname };
	return frappe.call({ method: `${API}.${method}`, type: "GET", args }).then(({ message }) => message);
}

// Place and plans

function show_place(frm) {
	const { docname } = frm;
	frm.memora_place = ask("get_place", frm);
	frm.memora_place.then((place) => {
		if (frm.docname !== docname) return;
		frm.dashboard.parent.find(".memora-place").remove();
		frm.dashboard.add_section(place_html(place), __("Place and Plans"), "custom memora-place");
		frm.dashboard.show();
	});
}

function open_tree(frm) {
	frm.memora_place.then(({ path }) => frappe.set_route("memora-content", path[0].name));
}

function add_child(frm, child) {
	const field = { fieldname: "title", fieldtype: "Data", label: __("Title"), reqd: 1 };
	const add = ({ title }) => {
		const args = { doctype: frm.doctype, name: frm.docname, title };
		frappe
			.call({ method: `${API}.add_child`, type: "POST", args, freeze: true })
			.then(({ message }) => frappe.set_route("Form", child, message.name));
	};
	frappe.prompt([field], add, KINDS[child].add(), __("Add"));
}

function place_html(place) {
	const crumbs = place.path.map(crumb_html).join('<span class="text-muted mx-1">/</span>');
	return `<nav class="memora-crumbs">${crumbs}</nav>
		<div class="memora-columns">${children_html(place)}${plans_html(place)}</div>`;
}

function crumb_html(node, index, path) {
	const kind = `<span class="text-muted small">${KINDS[node.doctype].one()}</span>`;
	const title = index === path.length - 1 ? `<b>${bidi(node.title)}</b>` : node_link(node);
	return `<span class="memora-crumb">${kind} ${title}${node.is_published ? "" : draft_html()}</span>`;
}

function children_html({ child_doctype, children, children_count }) {
	if (!child_doctype) return "";
	const more = more_html(children_count - children.length);
	const items = children.map((child) => `<li>${node_link(child)} ${child_state_html(child)}</li>`).join("");
	const heading = `<h6>${KINDS[child_doctype].many()} <span class="text-muted">${children_count}</span></h6>`;
	return `<section>${heading}${items ? `<ol>${items}</ol>` : muted(__("Nothing below it yet."))}${more}</section>`;
}

function child_state_html(child) {
	const grandchild = DOCTYPES[DOCTYPES.indexOf(child.doctype) + 1];
	const below = grandchild
		? `<span class="text-muted small">${KINDS[grandchild].many()}: ${cint(child.below)}</span>`
		: "";
	return `${child.is_published ? pill(__("Published"), "green") : draft_html()} ${below}`;
}

function plans_html({ plans, plans_count }) {
	const with_subject = plans.filter((plan) => plan.has_subject);
	const others = plans.filter((plan) => !plan.has_subject);
	const rows = with_subject.map(
		(plan) => `<tr><td>${plan_html(plan)}</td><td>${showing_html(plan)}</td><td>${file_html(plan)}</td></tr>`
	);
	const table = rows.length
		? `<table class="table table-sm"><tbody>${rows.join("")}</tbody></table>`
		: muted(__("No plan has this subject."));
	const without = others.length
		? `<div class="text-muted small">${__("Plans without this subject: {0}", [
				others.slice(0, MAX_NAMED).map(plan_html).join(", "),
		  ])}</div>`
		: "";
	const unnamed = plans_count - plans.length + Math.max(0, others.length - MAX_NAMED);
	return `<section><h6>${__("Plans")}</h6>${table}${without}${more_html(unnamed)}</section>`;
}

function plan_html(plan) {
	return `${form_link("Memora Academic Plan", plan.name, plan.title)}${plan.is_published ? "" : draft_html()}`;
}

function showing_html({ is_published, access, reason, because_of }) {
	if (!access) return `${pill(__("Not shown"), "red")} <span class="small" dir="auto">${why_html(reason, because_of)}</span>`;
	const color = is_published ? "green" : "gray";
	return pill(memora.content.access_html(access), color);
}

function why_html(reason, node) {
	const named = node && `${KINDS[node.doctype].one()} ${node_link(node)}`;
	if (reason === "hidden") return __("The plan hides it: {0}", [named]);
	if (reason === "unpublished") return __("A draft: {0}", [named]);
	return __("Nothing below it is shown.");
}

function file_html({ url }) {
	if (!url) return "";
	const address = frappe.utils.escape_html(url);
	return `<a href="${address}" target="_blank" rel="noopener">${__("Published File")}</a>`;
}

// What a delete would break

// `go_on` is what deletes; without it the dialog only tells.
function show_breakage(frm, go_on) {
	ask("what_breaks", frm).then((breakage) => {
		const title = __("What Deleting {0} Would Break", [frm.docname]);
		const dialog = memora.content.show_dialog(title, breakage_html(frm, breakage));
		if (!go_on || breakage.is_refused) return;
		dialog.set_primary_action(__("Delete"), () => {
			dialog.hide();
			go_on();
		});
	});
}

function breakage_html({ doctype, docname }, breakage) {
	const verdict = breakage.is_refused
		? `<p>${pill(__("Cannot be deleted now"), "red")}</p>`
		: `<p>${pill(__("Can be deleted"), "green")}</p>`;
	const sentences = [
		...below_sentences(breakage.below),
		...plan_sentences(breakage.plans),
		...player_sentences(doctype, breakage),
	];
	return `<div class="memora-breakage" data-name="${frappe.utils.escape_html(docname)}">${verdict}
		<ul>${sentences.map((sentence) => `<li>${sentence}</li>`).join("")}</ul></div>`;
}

function below_sentences(below) {
	if (!below.length) return [];
	const counts = below.map(({ doctype, count }) => `${KINDS[doctype].many()}: ${cint(count)}`).join(", ");
	return [__("There is content below it, which must be moved or deleted first. {0}", [counts])];
}

function plan_sentences(plans) {
	return plans.slice(0, MAX_NAMED).flatMap((plan) => [
		...(plan.lists_it ? [__("The plan {0} lists it. Take it out of the plan first.", [plan_html(plan)])] : []),
		...(plan.actions.length
			? [
					__("The plan {0} overrides it ({1}). Remove the override first.", [
						plan_html(plan),
						plan.actions.map((action) => __(action)).join(", "),
					]),
			  ]
			: []),
	]);
}

function player_sentences(doctype, { players_passed, players_with_progress }) {
	if (doctype === "Memora Lesson") {
		return [
			__("Players who have passed it: {0}. They keep their XP.", [cint(players_passed)]),
			__("Its place in the progress of players stays empty for ever. A new lesson gets a new one."),
		];
	}
	if (doctype !== "Memora Subject") return [];
	const count = cint(players_with_progress);
	return count
		? [__("Players who have progress in it: {0}. Unpublish it instead, and nobody will see it.", [count])]
		: [__("No player has progress in it.")];
}

// Pieces

function node_link({ doctype, name, title }) {
	return form_link(doctype, name, title);
}

function form_link(doctype, name, title) {
	return `<a href="${frappe.utils.get_form_link(doctype, name)}">${bidi(title)}</a>`;
}

// A title among other words keeps the direction of its own letters.
function bidi(title) {
	return `<bdi>${frappe.utils.escape_html(String(title))}</bdi>`;
}

function pill(html, color) {
	return `<span class="indicator-pill no-indicator-dot ${color}">${html}</span>`;
}

function draft_html() {
	return ` ${pill(__("Draft"), "gray")}`;
}

function muted(sentence) {
	return `<p class="text-muted">${sentence}</p>`;
}

function more_html(count) {
	return count > 0 ? `<div class="text-muted small">${__("and {0} more", [count])}</div>` : "";
}
