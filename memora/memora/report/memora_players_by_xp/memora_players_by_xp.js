{% include "memora/memora/report/player_report.js" %}

frappe.query_reports["Memora Players by XP"] = player_report();
