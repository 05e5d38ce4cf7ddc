const CHECK_MILLISECONDS = 500;
const CONTENT_API = "memora.api.content_admin";

frappe.ui.form.on("Memora Lesson", memora.content.form_events);

frappe.ui.form.on("Memora Lesson Stage", {
	form_render(frm, cdt, cdn) {
		lay_out_config(frm, cdn);
		show_help(frm, cdn);
		check_config(frm, cdn);
	},
	type(frm, cdt, cdn) {
		offer_template(frm, cdn);
		show_help(frm, cdn);
		check_config(frm, cdn);
	},
	config: frappe.utils.debounce((frm, cdt, cdn) => check_config(frm, cdn), CHECK_MILLISECONDS),
});

// A row's parts on the screen; null while its form is closed.
function config_control(frm, name) {
	const row = frm.fields_dict.stages.grid.grid_rows_by_docname[name];
	return (row && row.grid_form && row.grid_form.fields_dict.config) || null;
}

function stage_of(name) {
	return locals["Memora Lesson Stage"][name];
}

// Past the form's own setter: who only looks at a stage has changed nothing.
function lay_out_config(frm, name) {
	const stage = stage_of(name);
	const control = config_control(frm, name);
	if (!stage || !control) return;
	stage.config = laid_out(stage.config);
	control.refresh();
}

// One line for each value. By its tokens, as reading and writing it would round long numbers.
function laid_out(json) {
	try {
		JSON.parse(json);
	} catch (error) {
		return json;
	}
	const tokens = json.match(/"(?:\\.|[^"\\])*"|[{}[\],:]|[^\s{}[\],:"]+/g);
	const lines = [""];
	let depth = 0;
	const begin_line = () => lines.push("  ".repeat(depth));
	tokens.forEach((token, index) => {
		const is_empty = "}]".includes(token) && "{[".includes(tokens[index - 1]);
		if ("}]".includes(token)) {
			depth -= 1;
			if (!is_empty) begin_line();
		}
		lines[lines.length - 1] += token === ":" ? ": " : token;
		if ("{[".includes(token)) {
			depth += 1;
			if (!"}]".includes(tokens[index + 1])) begin_line();
		}
		if (token === ",") begin_line();
	});
	return lines.join("\n");
}

// Templates and help

let templates;

function all_templates() {
	templates =
		templates ||
		frappe
			.call({ method: `${CONTENT_API}.stage_templates`, type: "GET" })
			.then(({ message }) => message);
	return templates;
}

function offer_template(frm, name) {
	all_templates().then((all) => {
		const stage = stage_of(name);
		const template = all.find(({ stage_type }) => stage_type === stage.type);
		if (template && is_untouched(stage.config, all)) use_template(stage, template);
	});
}

function is_untouched(config, all) {
	const plain = (json) => json.replace(/\s/g, "");
	const written = plain(config || "");
	return ["", "{}"].includes(written) || all.some((template) => plain(template.config) === written);
}

function use_template(stage, template) {
	frappe.model.set_value(stage.doctype, stage.name, "config", template.config);
}

function show_help(frm, name) {
	all_templates().then((all) => {
		const help = help_of(frm, name);
		if (!help) return;
		const stage = stage_of(name);
		const shapes = all.filter(({ stage_type }) => stage_type === stage.type);
		help.find(".shapes").html(shapes.map(shape_html).join(""));
		help.find(".use-template").on("click", (event) => {
			const template = shapes[event.currentTarget.dataset.index];
			if (is_untouched(stage.config, all)) {
				use_template(stage, template);
				return;
			}
			frappe.confirm(__("Replace what this stage holds by the template?"), () =>
				use_template(stage, template)
			);
		});
	});
}

function help_of(frm, name) {
	const control = config_control(frm, name);
	if (!control) return null;
	if (!control.$wrapper.find(".memora-stage-help").length) {
		control.$wrapper.append(`<div class="memora-stage-help small">
			<div class="fault" role="status" dir="auto"></div>
			<div class="shapes text-muted"></div>
		</div>`);
	}
	return control.$wrapper.find(".memora-stage-help");
}

function shape_html({ kind, keys }, index) {
	const named = kind ? `<b>kind: <code>${frappe.utils.escape_html(kind)}</code></b>` : "";
	const explained = keys
		.map(({ key, about }) => `<dt><code>${frappe.utils.escape_html(key)}</code></dt>
			<dd dir="auto">${frappe.utils.escape_html(about)}</dd>`)
		.join("<br>");
	return `<div class="shape">${named}
		<button type="button" class="btn btn-xs btn-default use-template" data-index="${index}">${__(
		"Use Template"
	)}</button>
		<dl class="mb-0">${explained}</dl></div>`;
}

// The check, which is the server's

function check_config(frm, name) {
	const stage = stage_of(name);
	if (!stage || !help_of(frm, name)) return;
	const { type, config } = stage;
	frappe
		.call({
			method: `${CONTENT_API}.check_stage_config`,
			type: "POST",
			args: { stage_type: type || "", config: config || "" },
		})
		.then(({ message }) => {
			const help = help_of(frm, name);
			const is_current = help && stage.type === type && stage.config === config;
			if (is_current) help.find(".fault").text(message.fault);
		});
}
