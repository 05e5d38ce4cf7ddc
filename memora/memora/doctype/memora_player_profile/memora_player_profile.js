{% include "memora/memora/doctype/memora_player_profile/player_overview.js" %}

frappe.ui.form.on("Memora Player Profile", {
	onload: memora.content.show_link_titles_as_text,
	refresh(frm) {
		// Devices of a player who exists are changed in their section above, where each step takes effect at once.
		frm.toggle_display("authorized_devices", frm.is_new());
		if (frm.is_new()) {
			return;
		}
		add_actions(frm);
		show_overview(frm);
	},
});

function add_actions(frm) {
	frm.add_custom_button(__("Adjust XP"), () => if_saved(frm, adjust_xp));
	frm.add_custom_button(__("Enrol in Plan"), () => if_saved(frm, enrol_in_plan));
	frm.add_custom_button(__("Compare With Ledger"), () => if_saved(frm, compare_with_ledger));
}

// --- What an administrator does -------------------------------------------------------------------------------

function adjust_xp(frm) {
	const client_event_id = new_event_id();
	ask(frm, {
		title: __("Adjust XP"),
		fields: [
			{
				fieldname: "xp_amount",
				fieldtype: "Int",
				label: __("XP to Give"),
				description: __("A negative number takes XP away."),
				reqd: 1,
			},
			{
				fieldname: "reason",
				fieldtype: "Data",
				label: __("Reason"),
				description: __("Kept in the player's ledger, with your name."),
				reqd: 1,
			},
		],
		method: "adjust_xp",
		// The same dialog never counts twice, however often it is sent.
		more: { client_event_id },
		told: (reply) => __("The player has {0} XP now.", [reply.new_total_xp]),
	});
}

function enrol_in_plan(frm) {
	ask(frm, {
		title: __("Enrol in Plan"),
		fields: [
			{
				fieldname: "plan_id",
				fieldtype: "Link",
				options: "Memora Academic Plan",
				label: __("Plan"),
				description: __("Becomes the current plan. Progress in subjects of other plans is kept."),
				get_query: () => ({ filters: { is_published: 1 } }),
				reqd: 1,
			},
		],
		method: "enrol_in_plan",
		told: (reply) => __("The player learns by {0} now.", [text(reply.plan_id)]),
	});
}

function add_device(frm) {
	ask(frm, {
		title: __("Add Device"),
		fields: [
			{
				fieldname: "device_id",
				fieldtype: "Data",
				label: __("Device ID"),
				description: __("UUID version 4, as the app shows it."),
				reqd: 1,
			},
			{ fieldname: "device_name", fieldtype: "Data", label: __("Device Name"), reqd: 1 },
		],
		method: "add_device",
		told: () => __("The device may be used now."),
	});
}

function remove_device(frm, device_id) {
	frappe.confirm(__("Remove this device? The player is logged out at once."), () =>
		change(frm, "remove_device", { device_id }, () => __("The device was removed."))
	);
}

function end_session(frm) {
	frappe.confirm(__("Log the player out? He can log in again."), () =>
		change(frm, "end_session", {}, () => __("The session was ended."))
	);
}

function compare_with_ledger(frm) {
	call(frm, "compare", {}, "GET").then(({ findings }) => show_findings(frm, findings));
}

function show_findings(frm, findings) {
	if (!findings.length) {
		frappe.msgprint({
			title: __("Compare With Ledger"),
			message: __("Rows, copies and ledger of this player agree."),
			indicator: "green",
		});
		return;
	}
	const dialog = new frappe.ui.Dialog({
		title: __("Differences From the Ledger"),
		size: "large",
		fields: [{ fieldname: "findings", fieldtype: "HTML", options: findings_html(findings) }],
	});
	if (findings.some((finding) => !finding.repaired)) {
		dialog.set_primary_action(__("Repair"), () => repair(frm, dialog));
	}
	dialog.show();
}

function repair(frm, dialog) {
	frappe.confirm(
		__("What was tampered with is evidence, and a repair overwrites it. Repair what can be proven?"),
		() =>
			call(frm, "repair").then(({ findings }) => {
				dialog.hide();
				show_findings(frm, findings);
				frm.reload_doc();
			})
	);
}

// --- Calls ----------------------------------------------------------------------------------------------------

function if_saved(frm, action) {
	if (frm.is_dirty()) {
		frappe.msgprint(__("Save your changes first."));
		return;
	}
	action(frm);
}

function call(frm, method, args = {}, type = "POST") {
	return frappe
		.call({
			method: `memora.api.player_admin.${method}`,
			type,
			args: { player: frm.doc.name, ...args },
			freeze: type === "POST",
		})
		.then(({ message }) => message);
}

function change(frm, method, args, told) {
	return call(frm, method, args).then((reply) => {
		frappe.show_alert({ message: told(reply), indicator: "green" });
		return frm.reload_doc();
	});
}

// Asks for the fields and calls the method with them; what the server refuses can be corrected in the dialog.
function ask(frm, { title, fields, method, more, told }) {
	const dialog = new frappe.ui.Dialog({
		title,
		fields,
		primary_action_label: title,
		primary_action: (values) =>
			change(frm, method, { ...values, ...more }, told).then(() => dialog.hide()),
	});
	dialog.show();
}

// As crypto.randomUUID, which browsers have on HTTPS alone.
function new_event_id() {
	return "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (digit) => {
		const random = crypto.getRandomValues(new Uint8Array(1))[0];
		return (digit ^ (random & (15 >> (digit / 4)))).toString(16);
	});
}

// --- What the form shows: the HTML is player_overview.js's ------------------------------------------------------

function show_overview(frm) {
	const asked = (frm.memora_overview = call(frm, "overview", {}, "GET"));
	asked.then((player) => {
		// Another refresh, or another player's form, has asked since.
		if (frm.memora_overview !== asked) {
			return;
		}
		add_section(frm, "wallet", __("Wallet"), wallet_html(player.wallet));
		const devices = add_section(frm, "devices", __("Devices and Session"), devices_html(player));
		add_section(frm, "progress", __("Progress"), progress_html(player.subjects));
		add_section(frm, "ledger", __("Last Ledger Rows"), ledger_html(player.ledger));
		devices.find("[data-action=add]").on("click", () => if_saved(frm, add_device));
		devices.find("[data-action=end]").on("click", () => if_saved(frm, end_session));
		devices.find("[data-device]").on("click", (event) => {
			if_saved(frm, () => remove_device(frm, event.currentTarget.dataset.device));
		});
	});
}

function add_section(frm, name, label, html) {
	// Frappe removes what is "custom" at the next refresh, and remembers by its class whether it was folded.
	frm.dashboard.parent.find(`.memora-player-${name}`).remove();
	return frm.dashboard.add_section(html, label, `custom memora-player-${name}`);
}
