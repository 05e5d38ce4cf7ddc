frappe.ui.form.on("Memora Subject", memora.content.form_events);
