// CDN Export Status: what waits to be published, what is being published, what went wrong, what was done.
//
// The page asks for all of it at once, every few seconds while somebody looks at it. What it shows is built from
// text nodes, so nothing that the server says can become markup. All is inside one function: Desk runs the scripts of
// all its pages in one scope.

(() => {
{% include "memora/memora/page/cdn_export_status/elements.js" %}
{% include "memora/memora/page/cdn_export_status/sections.js" %}

	const CDN_ADMIN = "memora.api.cdn_admin";
	const POLL_SECONDS = 5;
	const HISTORY_ROWS = 20;

	frappe.pages["cdn-export-status"].on_page_load = (wrapper) => {
		wrapper.status = new CDNExportStatus(wrapper);
	};
	frappe.pages["cdn-export-status"].on_page_show = (wrapper) => wrapper.status.start();

	class CDNExportStatus {
		constructor(wrapper) {
			this.page = frappe.ui.make_app_page({
				parent: wrapper,
				title: __("CDN Export Status"),
				single_column: true,
			});
			this.is_shown = false;
			this.make_actions();
			this.make_body();
			$(wrapper).on("hide", () => this.stop());
			document.addEventListener("visibilitychange", () => this.follow_visibility());
		}

		make_actions() {
			this.plan = this.page.add_field({
				fieldname: "plan",
				fieldtype: "Link",
				options: "Memora Academic Plan",
				only_select: 1,
				label: __("Plan"),
				change: () => this.choose_plan(),
			});
			this.plan_buttons = [
				this.page.add_inner_button(__("Preview Changes"), () => this.preview(this.plan_id)),
				this.page.add_inner_button(__("Publish Plan"), () => this.rebuild(this.plan_id)),
			];
			this.page.set_primary_action(__("Publish All"), () => this.rebuild_all());
			this.page.add_menu_item(__("Test Connection"), () => this.test_connection());
			this.page.add_menu_item(__("CDN Sync Log"), () => frappe.set_route("List", "CDN Sync Log"));
			if (frappe.model.can_read("CDN Settings")) {
				this.page.add_menu_item(__("CDN Settings"), () => frappe.set_route("Form", "CDN Settings"));
			}
			this.choose_plan();
		}

		make_body() {
			const body = element("div", "cdn-export-status").appendTo(this.page.main);
			this.parts = {};
			for (const name of Object.keys(SECTIONS)) {
				this.parts[name] = element("section", `cdn-${name}`).appendTo(body);
			}
		}

		// --- Asking -------------------------------------------------------------------------------------------

		start() {
			this.is_shown = true;
			this.refresh();
		}

		stop() {
			this.is_shown = false;
			clearTimeout(this.timer);
		}

		follow_visibility() {
			if (!this.is_shown) return;
			if (document.hidden) clearTimeout(this.timer);
			else this.refresh();
		}

		// Only the answer to the last question counts: an older one may be of another plan, or come late.
		async refresh() {
			clearTimeout(this.timer);
			const asked = (this.asked = Symbol());
			const answer = await this.ask();
			if (asked !== this.asked) return;
			this.show(answer);
			if (this.is_shown && !document.hidden && !answer.is_final) {
				this.timer = setTimeout(() => this.refresh(), POLL_SECONDS * 1000);
			}
		}

		// Not by frappe.call, which opens a dialog for each failure: this is asked again by itself.
		async ask() {
			const query = new URLSearchParams({ limit: HISTORY_ROWS });
			if (this.plan_id) query.set("plan_id", this.plan_id);
			try {
				const reply = await fetch(`/api/method/${CDN_ADMIN}.overview?${query}`, {
					headers: { Accept: "application/json" },
				});
				if (!reply.ok) return { status: reply.status, is_final: [401, 403].includes(reply.status) };
				return { overview: (await reply.json()).message };
			} catch (error) {
				return { status: 0, is_final: false };
			}
		}

		show(answer) {
			if (answer.overview) {
				this.overview = answer.overview;
				this.answered_at = moment.utc().format();
			}
			const state = { ...answer, plan_id: this.plan_id, answered_at: this.answered_at };
			for (const [name, render] of Object.entries(SECTIONS)) {
				if (this.overview || name === "notices") this.show_part(name, render, state);
			}
		}

		// A part that says what it said is left alone, with whatever is opened or selected in it.
		show_part(name, render, state) {
			const part = this.parts[name];
			const content = render(this.overview, this, state);
			const key = content.map((child) => child[0].outerHTML).join("");
			if (part.data("key") === key) return;
			part.data("key", key).empty().append(content);
		}

		// --- Doing --------------------------------------------------------------------------------------------

		get plan_id() {
			return this.plan.get_value();
		}

		choose_plan() {
			for (const button of this.plan_buttons || []) button.toggle(Boolean(this.plan_id));
			if (this.is_shown) this.refresh();
		}

		async call(endpoint, args, message) {
			const reply = await frappe.call({ method: `${CDN_ADMIN}.${endpoint}`, args, freeze: true });
			if (message) frappe.show_alert({ message, indicator: "green" });
			this.refresh();
			return reply.message;
		}

		title_of(plan_id) {
			return (this.overview && this.overview.titles[plan_id]) || plan_id;
		}

		safe_title_of(plan_id) {
			return frappe.utils.escape_html(this.title_of(plan_id));
		}

		rebuild(plan_id) {
			const message = __("{0} will be published in a moment.", [this.safe_title_of(plan_id)]);
			return this.call("rebuild_plan", { plan_id }, message);
		}

		rebuild_all() {
			frappe.confirm(
				__("Publish every published plan anew? Only what changed is written and uploaded."),
				() => this.call("rebuild_all", {}, __("All published plans are queued."))
			);
		}

		retry(plan_id) {
			const message = __("{0} will be tried again in a moment.", [this.safe_title_of(plan_id)]);
			return this.call("retry_dead_letter", { plan_id }, message);
		}

		clear(plan_id) {
			const question = __("Leave {0} as it is published now, and forget this failure?", [
				this.safe_title_of(plan_id),
			]);
			const message = __("{0} stays as it is.", [this.safe_title_of(plan_id)]);
			frappe.confirm(question, () => this.call("clear_dead_letter", { plan_id }, message));
		}

		check_health() {
			return this.call("check_health", {}, __("Publishing was checked."));
		}

		compare() {
			const message = __(
				"Every plan is being compared with its files. What differs will show under Health."
			);
			return this.call("scan_plans", { repair: 0 }, message);
		}

		repair() {
			frappe.confirm(__("Compare every plan with its files, and publish anew what differs?"), () =>
				this.call("scan_plans", { repair: 1 }, __("What differs will be published anew."))
			);
		}

		async test_connection() {
			const { status, bucket, error } = await this.call("test_connection");
			const safe = [bucket || "–", error].map(frappe.utils.escape_html);
			if (status === "success") {
				frappe.show_alert({
					message: __("The bucket {0} can be written.", safe),
					indicator: "green",
				});
			} else {
				frappe.msgprint({
					title: __("No Connection"),
					indicator: "red",
					message: __("The bucket {0} cannot be written: {1}", safe),
				});
			}
		}

		preview(plan_id) {
			return memora.content.preview_plan({
				plan_id,
				title: this.title_of(plan_id),
				publish: () => this.rebuild(plan_id),
			});
		}
	}
})();
