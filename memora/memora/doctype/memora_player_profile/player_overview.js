// What memora_player_profile.js shows of a player: each function takes a part of the reply of
// memora.api.player_admin and returns HTML in which all data is escaped.

const FIGURES = () => [
	["total_xp", __("Total XP"), text],
	["current_streak", __("Streak (days)"), text],
	["last_success_date", __("Last Day (UTC)"), (day) => text(day && frappe.datetime.str_to_user(day))],
	["last_played_at", __("Last Played"), moment_html],
	["ledger row", __("As of Ledger Row"), text],
];

function wallet_html(wallet) {
	if (!wallet) {
		return muted(__("This player has no wallet."));
	}
	const { truth, copy } = wallet;
	const rows = FIGURES().map(([key, label, show]) => [
		label,
		show(truth[key]),
		copy ? show(copy[key]) : "&ndash;",
	]);
	const streak = wallet.streak_active
		? pill("green", __("The streak counts on"))
		: pill("gray", __("No streak at present"));
	return `<p>${copy_pill(wallet)} ${streak}</p>
		${table([__("Figure"), __("Ledger (MariaDB)"), __("Copy (Redis)")], rows)}`;
}

function copy_pill({ agrees, copy_state }) {
	if (agrees) {
		return pill("green", __("Copy and ledger agree"));
	}
	if (agrees === false) {
		return pill("red", __("Copy and ledger differ"));
	}
	return copy_state === "no answer"
		? pill("orange", __("Redis does not answer"))
		: pill("gray", __("No copy: the next request loads it"));
}

function devices_html({ devices, max_devices, session }) {
	const rows = devices.map((device) => [
		`${bidi(device.device_name)} ${
			session && session.device_id === device.device_id ? pill("blue", __("In use")) : ""
		}<div class="text-muted small">${text(device.device_id)}</div>`,
		moment_html(device.added_on),
		button(__("Remove"), `data-device="${text(device.device_id)}"`),
	]);
	const room = devices.length < max_devices ? button(__("Add Device"), 'data-action="add"') : "";
	return `${session_html(session)}
		${devices.length ? table([__("Device"), __("Added On"), ""], rows) : muted(__("No devices yet."))}
		<p>${room} ${muted_inline(__("{0} of {1} devices", [devices.length, max_devices]))}</p>`;
}

function session_html(session) {
	if (!session) {
		return `<p>${pill("gray", __("Not logged in"))}</p>`;
	}
	const device = bidi(session.device_name || session.device_id || __("an unknown device"));
	return `<p>${pill("green", __("Logged in"))}
		<span class="mx-2">${__("since {0} on {1}", [moment_html(session.started_at), device])}</span>
		${button(__("End Session"), 'data-action="end"')}</p>`;
}

function progress_html(subjects) {
	return subjects.map(subject_html).join("") || muted(__("Enrolled in no subject yet."));
}

function subject_html(subject) {
	const percent = subject.completion_percentage;
	const lessons = subject.total_lessons
		? __("{0} of {1} lessons", [subject.passed_lessons, subject.total_lessons])
		: __("not shown by the plan");
	return `<div class="mb-3" data-subject="${text(subject.subject)}">
		<div class="d-flex justify-content-between">
			<a href="/app/memora-subject/${encodeURIComponent(subject.subject)}">${bidi(
				subject.title || subject.subject
			)}</a>
			<span class="text-muted small">${lessons} &middot; ${text(subject.total_xp_earned)} XP
				&middot; ${text(percent)} %</span>
		</div>
		<div class="progress mt-1"><div class="progress-bar bg-success" style="width: ${Number(percent)}%"></div></div>
	</div>`;
}

const TYPES = () => ({
	lesson_completion: __("Lesson completed"),
	lesson_failed: __("Lesson lost"),
	xp_claim: __("XP claimed"),
	streak_update: __("Streak counted"),
	adjustment: __("Adjustment"),
	progress_grant: __("Lesson granted"),
	balance_forward: __("Balance of older rows"),
});

function ledger_html(awards) {
	if (!awards.length) {
		return muted(__("Nothing earned yet."));
	}
	const types = TYPES();
	const rows = awards.map((award) => [
		text(award.seq),
		moment_html(award.at),
		text(types[award.interaction_type] || award.interaction_type),
		award_html(award),
		xp_pill(award.xp_awarded),
	]);
	return table([__("Row"), __("When"), __("What"), __("About"), __("XP")], rows);
}

function xp_pill(xp) {
	if (!xp) {
		return pill("gray", xp);
	}
	return xp < 0 ? pill("red", xp) : pill("green", `+${xp}`);
}

function award_html({ title, reference_id, reason, by }) {
	const about = bidi(reason || title || reference_id);
	return by ? `${about} <span class="text-muted small">${__("by {0}", [text(by)])}</span>` : about;
}

function findings_html(findings) {
	const rows = findings.map((finding) => [
		text(finding.kind),
		text(finding.subject || (finding.seq && __("Ledger row {0}", [finding.seq]))),
		`<code>${text(JSON.stringify(finding.found))}</code>`,
		`<code>${text(JSON.stringify(finding.expected))}</code>`,
		finding.repaired ? pill("green", __("Repaired")) : pill("red", __("Differs")),
	]);
	return table([__("What"), __("Where"), __("Found"), __("Expected"), ""], rows);
}

// --- Pieces ---------------------------------------------------------------------------------------------------

function text(value) {
	return frappe.utils.escape_html(String(value ?? ""));
}

// A name among other words keeps the direction of its own letters.
function bidi(value) {
	return `<bdi>${text(value)}</bdi>`;
}

function moment_html(utc) {
	if (!utc) {
		return "&ndash;";
	}
	const site_time = moment.utc(utc).tz(frappe.boot.time_zone.system).format("YYYY-MM-DD HH:mm:ss");
	return `<span title="${text(utc)} UTC">${text(frappe.datetime.str_to_user(site_time))}</span>`;
}

function pill(color, label) {
	return `<span class="indicator-pill no-indicator-dot ${color}">${text(label)}</span>`;
}

function button(label, attributes) {
	return `<button type="button" class="btn btn-xs btn-default mr-2" ${attributes}>${label}</button>`;
}

function muted(message) {
	return `<p class="text-muted">${message}</p>`;
}

function muted_inline(message) {
	return `<span class="text-muted small">${message}</span>`;
}

function table(headings, rows) {
	const head = headings.map((heading) => `<th class="text-muted small">${heading}</th>`).join("");
	const body = rows
		.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join("")}</tr>`)
		.join("");
	return `<div class="table-responsive"><table class="table table-sm">
		<thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}
