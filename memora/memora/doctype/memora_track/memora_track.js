frappe.ui.form.on("Memora Track", memora.content.form_events);
