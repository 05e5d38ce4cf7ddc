frappe.provide("frappe.dashboards.chart_sources");

frappe.dashboards.chart_sources["Memora"] = { method: "memora.api.dashboard.chart" };
