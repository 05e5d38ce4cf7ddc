// The content tree: one subject with everything below it, as the chosen plan shows it.
//
// The server decides: each change is one call, after which the whole tree is asked for again. Desk runs the scripts of
// all its pages in one scope, so all is inside one function.

(() => {
{% include "memora/memora/page/memora_content/sheet_import.js" %}

	const API = "memora.api.content_admin";
	const CHILD_LABELS = {
		"Memora Subject": () => __("Add Track"),
		"Memora Track": () => __("Add Unit"),
		"Memora Unit": () => __("Add Topic"),
		"Memora Topic": () => __("Add Lesson"),
	};
	const KIND_LABELS = {
		"Memora Subject": () => __("Subject"),
		"Memora Track": () => __("Track"),
		"Memora Unit": () => __("Unit"),
		"Memora Topic": () => __("Topic"),
		"Memora Lesson": () => __("Lesson"),
	};
	const ACCESS_COLORS = { public: "green", authenticated: "blue", free_preview: "cyan", paid: "orange" };

	frappe.pages["memora-content"].on_page_load = (wrapper) => {
		wrapper.tree = new ContentTree(wrapper);
	};
	frappe.pages["memora-content"].on_page_show = (wrapper) => wrapper.tree.follow_route();

	class ContentTree {
		constructor(wrapper) {
			this.page = frappe.ui.make_app_page({
				parent: wrapper,
				title: __("Content"),
				single_column: true,
			});
			this.closed = new Set();
			this.subject_id = "";
			this.make_fields();
			this.page.set_secondary_action(__("Refresh"), () => this.load());
			this.add_menu();
			this.body = $('<div class="memora-tree"></div>').appendTo(this.page.main);
			this.listen();
			this.load();
		}

		add_menu() {
			this.page.add_menu_item(__("New Subject"), () => frappe.new_doc("Memora Subject"));
			this.page.add_menu_item(
				__("Import Subject"),
				() => new SheetImport((subject) => this.show_subject(subject))
			);
			this.page.add_menu_item(__("Export Subject"), () => this.export_subject("xlsx"));
			this.page.add_menu_item(__("Export Subject as CSV"), () => this.export_subject("csv"));
			this.page.add_menu_item(__("Download Template"), () => download("download_template", {}));
		}

		export_subject(file_type) {
			if (!this.subject_id) {
				frappe.msgprint(__("Choose a subject before exporting it."));
				return;
			}
			download("export_subject", { subject: this.subject_id, file_type });
		}

		show_subject(subject) {
			return subject === this.subject_id ? this.load() : this.subject.set_value(subject);
		}

		make_fields() {
			this.subject = this.page.add_field({
				fieldname: "subject",
				fieldtype: "Link",
				options: "Memora Subject",
				only_select: 1,
				label: __("Subject"),
				change: () => this.choose_subject(),
			});
			this.plan = this.page.add_field({
				fieldname: "plan",
				fieldtype: "Link",
				options: "Memora Academic Plan",
				only_select: 1,
				label: __("As this plan shows it"),
				get_query: () => ({
					filters: [["Memora Plan Subject", "subject", "=", this.subject_id]],
				}),
				change: () => this.load(),
			});
		}

		follow_route() {
			const subject = frappe.get_route()[1];
			if (subject && subject !== this.subject_id) this.subject.set_value(subject);
		}

		choose_subject() {
			// Not get_value: it is empty until the link's title has come.
			const subject = this.subject.value || "";
			if (subject === this.subject_id) return;
			this.subject_id = subject;
			if (this.plan.value) this.plan.set_value("");
			this.load();
		}

		load() {
			const subject = this.subject_id;
			if (!subject) {
				this.body.html(`<p class="text-muted text-center">${__("Choose a subject.")}</p>`);
				return Promise.resolve();
			}
			const args = { subject, plan_id: this.plan.value || "" };
			return frappe.call({ method: `${API}.get_tree`, type: "GET", args }).then(({ message }) => {
				if (this.subject_id === subject) this.show(message);
			});
		}

		show(root) {
			this.body.html(`<ul>${this.node_html(root)}</ul>`);
			this.body.find("ul[data-doctype]").each((index, list) => this.make_sortable(list));
		}

		node_html(node) {
			const id = frappe.utils.escape_html(node.name);
			const child = node.children.length ? node.children[0].doctype : child_of(node.doctype);
			const list = child
				? `<ul data-doctype="${child}" data-parent="${id}">
						${node.children.map((each) => this.node_html(each)).join("")}</ul>`
				: "";
			const is_closed = this.closed.has(node.name) ? "closed" : "";
			return `<li class="${is_closed}" data-doctype="${node.doctype}" data-name="${id}">
				<div class="memora-node ${node.access ? "" : "not-shown"}">
					<span class="toggle">${node.children.length ? frappe.utils.icon("down", "xs") : ""}</span>
					<span class="kind text-muted small">${KIND_LABELS[node.doctype]()}</span>
					<span class="title" dir="auto">${frappe.utils.get_form_link(
						node.doctype,
						node.name,
						true,
						frappe.utils.escape_html(node.title)
					)}</span>
					${pills_html(node)}
					<span class="actions">${buttons_html(node)}</span>
				</div>${list}</li>`;
		}

		make_sortable(list) {
			Sortable.create(list, {
				group: list.dataset.doctype,
				handle: ".kind",
				animation: 100,
				onEnd: (event) => this.move(event),
			});
		}

		move({ item, from, to, oldIndex, newIndex }) {
			if (from === to && oldIndex === newIndex) return;
			const next = item.nextElementSibling;
			this.change("move_node", {
				doctype: item.dataset.doctype,
				name: item.dataset.name,
				parent: to.dataset.parent,
				before: next ? next.dataset.name : "",
			});
		}

		// Whatever becomes of it, what is shown afterwards is what the server has.
		change(method, args) {
			const call = frappe.call({ method: `${API}.${method}`, type: "POST", args, freeze: true });
			return call.then(
				() => this.load(),
				() => this.load()
			);
		}

		listen() {
			const node_of = (event) => event.currentTarget.closest("li").dataset;
			this.body.on("click", ".toggle", (event) => {
				const item = event.currentTarget.closest("li");
				const is_closed = item.classList.toggle("closed");
				this.closed[is_closed ? "add" : "delete"](item.dataset.name);
			});
			this.body.on("click", ".add-child", (event) => this.add_child(node_of(event)));
			this.body.on("click", ".publish", (event) => this.set_published(node_of(event), 1));
			this.body.on("click", ".unpublish", (event) => this.set_published(node_of(event), 0));
		}

		add_child({ doctype, name }) {
			const field = { fieldname: "title", fieldtype: "Data", label: __("Title"), reqd: 1 };
			frappe.prompt(
				[field],
				({ title }) => {
					this.closed.delete(name);
					this.change("add_child", { doctype, name, title });
				},
				CHILD_LABELS[doctype](),
				__("Add")
			);
		}

		set_published({ doctype, name }, is_published) {
			const question = is_published
				? __("Publish {0} and everything below it?", [name])
				: __("Unpublish {0} and everything below it? Players will no longer see it.", [name]);
			frappe.confirm(question, () => this.change("set_published", { doctype, name, is_published }));
		}
	}

	// Through the address bar, so that the browser saves the file.
	function download(method, args) {
		window.location.assign(`/api/method/${SHEET_API}.${method}?${new URLSearchParams(args)}`);
	}

	function child_of(doctype) {
		const kinds = Object.keys(KIND_LABELS);
		return kinds[kinds.indexOf(doctype) + 1];
	}

	function pills_html(node) {
		const pills = [
			node.is_published
				? pill_html(__("Published"), "green")
				: pill_html(__("Draft"), "gray"),
			node.access
				? pill_html(memora.content.access_html(node.access), ACCESS_COLORS[node.access.access_level])
				: pill_html(__("Not shown"), "red"),
		];
		if (node.is_overridden) pills.push(pill_html(__("Overridden"), "purple"));
		if (node.doctype === "Memora Lesson") {
			pills.push(`<span class="text-muted small">${__("{0} stages", [node.stage_count])}</span>`);
		}
		return `<span class="pills">${pills.join("")}</span>`;
	}

	function pill_html(html, color) {
		return `<span class="indicator-pill no-indicator-dot ${color}">${html}</span>`;
	}

	function buttons_html(node) {
		const buttons = [
			["publish", __("Publish All")],
			["unpublish", __("Unpublish All")],
		];
		if (CHILD_LABELS[node.doctype]) buttons.unshift(["add-child", CHILD_LABELS[node.doctype]()]);
		return buttons
			.map(([action, label]) => `<button class="btn btn-xs btn-default ${action}">${label}</button>`)
			.join("");
	}
})();
