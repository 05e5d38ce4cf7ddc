// What the page's parts are made of. Text given to them stays text.

function element(tag, class_name, ...children) {
	const nodes = children
		.flat()
		.map((child) => (child instanceof $ ? child : document.createTextNode(child ?? "")));
	return $(document.createElement(tag)).addClass(class_name).append(nodes);
}

function button(label, action) {
	return element("button", "btn btn-default btn-xs", label).on("click", action);
}

function link(label, ...route) {
	const href = `/app/${route.map(encodeURIComponent).join("/")}`;
	return element("a", "", label).attr("href", href);
}

function indicator(label, color) {
	return element("span", `indicator-pill ${color}`, label);
}

// How long ago something was; Frappe keeps it up to date, and the moment itself is its tooltip.
function ago(at) {
	if (!at) return element("span", "text-muted", "–");
	const site_time = site_time_of(at);
	const text = frappe.datetime.prettyDate(site_time) || __("just now");
	return element("span", "frappe-timestamp", text).attr({
		"data-timestamp": site_time,
		title: moment_of(at),
	});
}

// A moment as the user writes it, in his own time zone.
function moment_of(at) {
	return frappe.datetime.str_to_user(site_time_of(at));
}

// The same without its day.
function time_of(at) {
	const user_time = frappe.datetime.convert_to_user_tz(site_time_of(at));
	return moment(user_time).format(frappe.datetime.get_user_time_fmt());
}

function site_time_of(at) {
	return moment.utc(at).tz(frappe.boot.time_zone.system).format("YYYY-MM-DD HH:mm:ss");
}

function time_between(start, end) {
	const seconds = moment.utc(end).diff(moment.utc(start), "seconds");
	return seconds < 60 ? __("{0} s", [seconds]) : frappe.utils.get_formatted_duration(seconds);
}

function file_size(bytes) {
	if (!bytes) return "–";
	return bytes < 1e6 ? __("{0} KB", [Math.ceil(bytes / 1e3)]) : __("{0} MB", [(bytes / 1e6).toFixed(1)]);
}

// A first line, and the rest of it when it is opened.
function long_text(text) {
	const [first] = (text || "").match(/.*/);
	if (first.length < 120 && first === text) return element("span", "cdn-text", first);
	return element(
		"details",
		"cdn-text",
		element("summary", "", first.slice(0, 120)),
		element("pre", "", text)
	);
}

function table(headings, rows) {
	const head = element(
		"tr",
		"",
		headings.map((heading) => element("th", "", heading))
	);
	const body = rows.map((cells) =>
		element(
			"tr",
			"",
			cells.map((cell) => element("td", "", ...[cell].flat()))
		)
	);
	const whole = element("table", "table", element("thead", "", head), element("tbody", "", body));
	return element("div", "cdn-table", whole);
}

function card(title, count, content, actions = []) {
	const heading = element("h5", "", title, count ? element("span", "cdn-count", String(count)) : "");
	return element(
		"div",
		"cdn-card frappe-card",
		element("div", "cdn-head", heading, element("div", "cdn-actions", actions)),
		content
	);
}

function empty(text) {
	return element("p", "text-muted cdn-empty", text);
}
