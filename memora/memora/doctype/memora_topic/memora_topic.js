frappe.ui.form.on("Memora Topic", memora.content.form_events);
