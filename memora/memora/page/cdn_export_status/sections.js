// The parts of the page, from top to bottom. Each makes its elements of an overview as the server tells it.

const STATUS_COLORS = {
	Queued: "gray",
	Processing: "blue",
	Success: "green",
	Failed: "orange",
	"Dead Letter": "red",
};
const MAX_RETRIES = 5;

const SECTIONS = {
	notices(overview, page, answer) {
		return [
			unanswered_notice(answer),
			...(overview ? [store_notice(overview), target_notice(overview, page)] : []),
		].filter(Boolean);
	},

	figures({ queue }) {
		const oldest = queue.oldest_pending_seconds;
		return [
			figure(__("Waiting"), queue.pending_plans, queue.pending_plans ? "orange" : "gray"),
			figure(__("Being Published"), queue.processing, queue.processing ? "blue" : "gray"),
			figure(__("Dead Letters"), queue.dead_letter_count, queue.dead_letter_count ? "red" : "green"),
			figure(
				__("Longest Wait"),
				oldest ? frappe.utils.get_formatted_duration(oldest) : "–",
				oldest > 3600 ? "red" : "gray"
			),
			figure(__("Next Retry"), queue.next_retry_at ? time_of(queue.next_retry_at) : "–", "gray"),
			figure(
				__("Last Published"),
				queue.last_processed ? ago(queue.last_processed) : __("never"),
				"gray"
			),
		];
	},

	building({ building }, page) {
		if (!building.length) return [];
		const builds = building.map((build) => build_line(build, page));
		return [card(__("Being Published"), building.length, builds)];
	},

	waiting({ waiting, queue }, page) {
		const rows = waiting.map((row) => [plan_link(row.plan_id, page), ago(row.since), next_try(row)]);
		const content = rows.length
			? table([__("Plan"), __("Since"), __("Next")], rows)
			: empty(__("Nothing waits: every change is published."));
		return [card(__("Queue"), queue.pending_plans, content)];
	},

	dead_letters({ dead_letters, queue }, page) {
		if (!dead_letters.length) return [];
		const rows = dead_letters.map((letter) => [
			plan_link(letter.plan_id, page),
			long_text(letter.reason),
			ago(letter.at),
			element(
				"div",
				"cdn-buttons",
				button(__("Retry"), () => page.retry(letter.plan_id)),
				button(__("Clear"), () => page.clear(letter.plan_id))
			),
		]);
		const content = table([__("Plan"), __("Reason"), __("Given Up"), ""], rows);
		return [card(__("Dead Letters"), queue.dead_letter_count, content)];
	},

	failures({ queue }, page) {
		const failures = queue.recent_failures;
		if (!failures.length) return [];
		const rows = failures.map((failure) => [
			plan_link(failure.plan_id, page),
			status_of(failure),
			long_text(failure.error_message),
			ago(failure.completed_at),
		]);
		const content = table([__("Plan"), __("Status"), __("Error"), __("When")], rows);
		return [card(__("Recent Failures"), failures.length, content)];
	},

	health({ health }, page) {
		const rows = health.findings.map((finding) => [
			indicator(problem_label(finding.problem), "red"),
			finding.plan_id ? plan_link(finding.plan_id, page) : "",
			long_text(finding.detail),
			ago(finding.since),
		]);
		const content = rows.length
			? table([__("Problem"), __("Plan"), __("Detail"), __("Since")], rows)
			: empty(__("No problem is known."));
		const actions = [
			button(__("Check Now"), () => page.check_health()),
			button(__("Compare Files"), () => page.compare()),
			button(__("Repair Files"), () => page.repair()),
		];
		return [card(__("Health"), rows.length, [content, checked_line(health)], actions)];
	},

	history({ history }, page, { plan_id }) {
		const rows = history.map((row) => [
			plan_link(row.plan_id, page),
			[status_of(row), row.sync_verified ? element("span", "cdn-verified", __("verified")) : ""],
			ago(row.started_at),
			row.started_at && row.completed_at ? time_between(row.started_at, row.completed_at) : "–",
			...[row.files_uploaded, row.files_unchanged, row.files_deleted].map((count) =>
				row.completed_at ? String(count) : "–"
			),
			file_size(row.bytes_uploaded),
			row.triggered_by || "–",
			row.error_message ? long_text(row.error_message) : "",
		]);
		const headings = [
			__("Plan"),
			__("Status"),
			__("Started"),
			__("Took"),
			__("Uploaded"),
			__("Unchanged"),
			__("Deleted"),
			__("Size"),
			__("By"),
			__("Remarks"),
		];
		const title = plan_id ? __("History of {0}", [page.title_of(plan_id)]) : __("History");
		const content = rows.length ? table(headings, rows) : empty(__("Nothing has been published yet."));
		return [card(title, 0, content, [link(__("All in CDN Sync Log"), "cdn-sync-log")])];
	},
};

function unanswered_notice({ overview, is_final, answered_at }) {
	if (overview) return null;
	if (is_final)
		return notice("red", __("You are logged out, or may no longer see this page. Load it again."));
	if (!answered_at) return notice("red", __("The server does not answer. It will be asked again."));
	return notice(
		"red",
		__("The server does not answer. This is how things stood at {0}.", [moment_of(answered_at)])
	);
}

function store_notice({ queue }) {
	if (!queue.fallback) return null;
	return notice(
		"orange",
		__("Redis does not answer. Plans wait in CDN Sync Log and are published from there.")
	);
}

function target_notice({ target }, page) {
	if (target.uploads) {
		const text = __("Published files go to the bucket {0} and are read from {1}.", [
			target.bucket,
			target.address,
		]);
		return notice(
			"green",
			text,
			button(__("Test Connection"), () => page.test_connection())
		);
	}
	const text = target.enabled
		? __("Local fallback mode is on: published files stay on this server.")
		: __("The CDN is off: published files stay on this server.");
	return notice("blue", text);
}

function notice(color, text, ...actions) {
	return element("div", "cdn-notice", indicator(text, color), actions);
}

function figure(label, value, color) {
	return element(
		"div",
		"cdn-figure frappe-card",
		element("div", "cdn-figure-label", element("span", `indicator ${color}`), label),
		element("div", "cdn-figure-value", value instanceof $ ? value : String(value))
	);
}

function plan_link(plan_id, page) {
	const title = page.overview.titles[plan_id];
	if (!title) return element("span", "cdn-plan text-muted", __("{0} (deleted)", [plan_id]));
	return link(title, "memora-academic-plan", plan_id).addClass("cdn-plan").attr("title", plan_id);
}

function status_of({ status, next_retry_at }) {
	const pill = indicator(__(status), STATUS_COLORS[status] || "gray");
	if (!next_retry_at) return pill;
	return element(
		"div",
		"",
		pill,
		element("div", "cdn-again", __("again at {0}", [time_of(next_retry_at)]))
	);
}

function next_try({ next_retry_at, retry_count }) {
	if (!next_retry_at) return indicator(__("As soon as a worker is free"), "gray");
	const values = [retry_count + 1, MAX_RETRIES, time_of(next_retry_at)];
	return indicator(__("Retry {0} of {1} at {2}", values), "orange");
}

function build_line({ plan_id, started_at, is_alive, progress }, page) {
	const text = is_alive ? step_label(progress) : __("was interrupted, and will be started again");
	const share = progress && progress.total ? (100 * progress.done) / progress.total : null;
	const bar = element("div", "progress-bar").css("width", `${share ?? 100}%`);
	bar.toggleClass("progress-bar-striped", share === null).toggleClass("bg-warning", !is_alive);
	return element(
		"div",
		"cdn-build",
		element(
			"div",
			"cdn-build-text",
			plan_link(plan_id, page),
			element("span", "text-muted", text),
			ago(started_at)
		),
		element("div", "progress", bar)
	);
}

function step_label(progress) {
	const { step, done, total } = progress || {};
	const labels = {
		reading: __("reading the content"),
		building: __("building and checking the files"),
		writing: __("writing the files on this server"),
		uploading: __("uploading, {0} of {1} files", [done, total]),
		withdrawing: __("withdrawing the plan"),
	};
	return labels[step] || __("at work");
}

function problem_label(problem) {
	const labels = {
		dead_letter: __("Given up"),
		queue_old: __("Waits too long"),
		queue_deep: __("Too many wait"),
		failures: __("Most publishes fail"),
		store_away: __("Redis is away"),
		cdn_away: __("CDN is away"),
		disk_full: __("Disk is full"),
		scheduler_off: __("Scheduler is off"),
		jobs_stalled: __("Jobs stand still"),
		stale: __("Files are old"),
		unpublishable: __("Cannot be published"),
		not_withdrawn: __("Not withdrawn"),
		local_missing: __("Files are missing here"),
		local_mismatch: __("Files were changed here"),
		local_orphan: __("Stray files here"),
		cdn_missing: __("Files are missing on the CDN"),
		cdn_mismatch: __("Files were changed on the CDN"),
		cdn_orphan: __("Stray files on the CDN"),
	};
	return labels[problem] || problem;
}

function checked_line({ checked_at, scanned_at }) {
	return element(
		"p",
		"text-muted cdn-checked",
		__("Checked:"),
		" ",
		checked_at ? ago(checked_at) : __("never"),
		" · ",
		__("Files compared:"),
		" ",
		scanned_at ? ago(scanned_at) : __("never")
	);
}
