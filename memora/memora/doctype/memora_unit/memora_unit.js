frappe.ui.form.on("Memora Unit", memora.content.form_events);
