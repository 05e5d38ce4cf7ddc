"""The test site's database as another process meets it."""

import pymysql

import frappe


def another_connection(test) -> pymysql.Connection:
	"""A connection beside Frappe's, closed with the test."""
	conf = frappe.conf
	place = (
		{"unix_socket": conf.db_socket}
		if conf.get("db_socket")
		else {"host": conf.db_host or "127.0.0.1", "port": int(conf.db_port or 3306)}
	)
	connection = pymysql.connect(
		user=conf.get("db_user") or conf.db_name,
		password=conf.db_password,
		database=conf.db_name,
		**place,
	)
	test.addCleanup(lambda: connection.open and connection.close())
	return connection
