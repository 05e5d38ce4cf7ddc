// Import of a subject from a spreadsheet, in a dialog: choose a file, see what it would change, import it.
//
// The server reads the file and decides; this asks how far it is until it is through. The file is sent twice, once to be
// checked and once to be imported, so nothing of it is kept between the two.

const SHEET_API = "memora.api.content_sheet";
const SHEET_POLL_MS = 1000;
const SHEET_KINDS = {
	Subject: () => __("Subject"),
	Track: () => __("Tracks"),
	Unit: () => __("Units"),
	Topic: () => __("Topics"),
	Lesson: () => __("Lessons"),
};

class SheetImport {
	// `on_imported` is called with the subject's name.
	constructor(on_imported) {
		this.on_imported = on_imported;
		this.file = null;
		this.dialog = new frappe.ui.Dialog({
			title: __("Import Subject"),
			size: "large",
			fields: [
				{ fieldname: "file", fieldtype: "HTML", options: file_html() },
				{ fieldname: "result", fieldtype: "HTML", options: "" },
			],
			on_hide: () => clearTimeout(this.timer),
		});
		this.result = this.dialog.fields_dict.result.$wrapper;
		this.listen();
		this.offer_preview();
		this.dialog.show();
	}

	listen() {
		const box = this.dialog.fields_dict.file.$wrapper;
		box.on("change", "input", (event) => this.choose(event.target.files[0]));
		box.on("dragover", ".memora-drop", (event) => event.preventDefault());
		box.on("drop", ".memora-drop", (event) => {
			event.preventDefault();
			this.choose(event.originalEvent.dataTransfer.files[0]);
		});
	}

	choose(file) {
		if (!file) return;
		clearTimeout(this.timer);
		this.run_id = null;
		this.file = file;
		this.dialog.fields_dict.file.$wrapper.find(".memora-file-name").text(file.name);
		this.result.empty();
		this.offer_preview();
	}

	offer_preview() {
		this.offer(__("Preview"), () => this.start(1));
	}

	async start(is_check) {
		this.dialog.get_primary_btn().prop("disabled", true);
		this.show_progress({ state: "queued" });
		const file = this.file;
		try {
			const run_id = await send_sheet(file, is_check);
			if (file === this.file) this.follow((this.run_id = run_id));
		} catch (error) {
			if (file === this.file) this.fail(error.message);
		}
	}

	follow(run_id) {
		frappe.call({ method: `${SHEET_API}.import_status`, type: "GET", args: { run_id } }).then(
			({ message: status }) => {
				if (run_id !== this.run_id) return;
				if (["queued", "running"].includes(status.state)) {
					this.show_progress(status);
					this.timer = setTimeout(() => this.follow(run_id), SHEET_POLL_MS);
				} else if (status.state === "done") this.show_report(status.report);
				else this.fail(status.message);
			},
			() => run_id === this.run_id && this.fail(__("Nothing can be told about this import now."))
		);
	}

	fail(message) {
		this.result.html(note_html("red", frappe.utils.escape_html(message)));
		this.offer_preview();
	}

	show_progress({ state, done, total }) {
		const text = total
			? __("{0} of {1}", [done, total])
			: state === "queued"
			? __("Waiting for a background worker ...")
			: __("Reading the file ...");
		const percent = total ? Math.round((100 * done) / total) : 0;
		this.result.html(
			`<div class="progress"><div class="progress-bar" style="width: ${percent}%"></div></div>
			<p class="text-muted small">${text}</p>`
		);
	}

	show_report(report) {
		const title = `<bdi>${frappe.utils.escape_html(report.title || "")}</bdi>`;
		if (report.problem_count) {
			const text =
				report.problem_count === 1
					? __("One problem is in the way. Nothing was changed.")
					: __("{0} problems are in the way. Nothing was changed.", [report.problem_count]);
			this.result.html(note_html("red", text) + problems_html(report));
			return this.offer_preview();
		}
		if (report.is_imported) {
			this.result.html(note_html("green", __("{0} is imported.", [title])) + counts_html(report));
			this.offer(__("Close"), () => this.dialog.hide());
			return this.on_imported(report.subject);
		}
		if (!changes_anything(report)) {
			this.result.html(note_html("blue", __("All of this is there already.")) + counts_html(report));
			return this.offer_preview();
		}
		const text = report.subject
			? __("{0} would change like this:", [title])
			: __("{0} would be a new subject:", [title]);
		this.result.html(note_html("blue", text) + counts_html(report));
		this.offer(__("Import"), () => this.start(0));
	}

	offer(label, action) {
		this.dialog.set_primary_action(label, action);
		this.dialog.get_primary_btn().prop("disabled", !this.file);
	}
}

async function send_sheet(file, is_check) {
	const body = new FormData();
	body.append("file", file, file.name);
	body.append("is_check", is_check);
	const headers = { Accept: "application/json", "X-Frappe-CSRF-Token": frappe.csrf_token };
	const response = await fetch(`/api/method/${SHEET_API}.start_import`, { method: "POST", body, headers });
	const reply = await response.json().catch(() => ({}));
	if (response.ok) return reply.message.run_id;
	throw new Error(refusal_of(reply) || __("The file could not be sent."));
}

function refusal_of({ _server_messages }) {
	const [first] = JSON.parse(_server_messages || "[]");
	return first && strip_html(JSON.parse(first).message);
}

function changes_anything({ counts: { Stage: stages, ...counts } }) {
	return (
		stages.new + stages.removed > 0 || Object.values(counts).some((count) => count.new + count.changed > 0)
	);
}

function file_html() {
	return `<label class="memora-drop">
			<input type="file" accept=".xlsx,.csv">
			<span class="memora-file-name" dir="auto">${__("Choose an .xlsx or .csv file, or drop it here.")}</span>
		</label>
		<p class="text-muted small">${__(
			"All of the file is imported, or nothing. What it does not name stays as it is; only the stages of a lesson are replaced by those that the file names for it."
		)}</p>`;
}

function note_html(color, html) {
	return `<p class="memora-note"><span class="indicator ${color}"></span> ${html}</p>`;
}

function counts_html({ counts }) {
	const rows = Object.entries(SHEET_KINDS).map(([kind, label]) => [
		label(),
		counts[kind].new,
		counts[kind].changed,
		counts[kind].unchanged,
	]);
	const { new: added, removed } = counts.Stage;
	const stages = added + removed ? __("Stages: {0} added, {1} removed.", [added, removed]) : "";
	return `${table_html(["", __("New"), __("Changed"), __("Unchanged")], rows)}
		<p class="text-muted small">${stages}</p>`;
}

function problems_html({ problems, problem_count }) {
	const rows = problems.map(({ row, column, message }) => [row || "", column || "", message]);
	const rest = problem_count - problems.length;
	const more = rest ? `<p class="text-muted small">${__("And {0} more.", [rest])}</p>` : "";
	return `<div class="memora-problems">${table_html(
		[__("Row"), __("Column"), __("What is wrong")],
		rows
	)}</div>${more}`;
}

function table_html(headers, rows) {
	const line = (cells, tag) =>
		`<tr>${cells
			.map((cell) => `<${tag} dir="auto">${frappe.utils.escape_html(String(cell))}</${tag}>`)
			.join("")}</tr>`;
	return `<table class="table table-sm memora-sheet-table">
		<thead>${line(headers, "th")}</thead>
		<tbody>${rows.map((row) => line(row, "td")).join("")}</tbody></table>`;
}
