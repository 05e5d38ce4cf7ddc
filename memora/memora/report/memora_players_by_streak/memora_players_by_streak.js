{% include "memora/memora/report/player_report.js" %}

frappe.query_reports["Memora Players by Streak"] = player_report();
