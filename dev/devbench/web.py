"""The WSGI application that gunicorn serves: Frappe, and in front of it what nginx does on a server.

    /assets/...           sites/assets
    /files/...            the site's public/files
    /memora_content/...   the site's public/memora_content: published JSON, with its headers
    /socket.io/...        nobody pushes here: clients are let in and dismissed for good

A request whose Host names no site of the bench goes to the default site, so that
http://127.0.0.1:PORT works without an entry in /etc/hosts.
"""

import json
import os
import re

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.middleware.shared_data import SharedDataMiddleware
from werkzeug.utils import safe_join, send_file
from werkzeug.wrappers import Response

from frappe.app import application as frappe_application
from frappe.middlewares import StaticDataMiddleware

SITES = os.environ["SITES_PATH"]
CONTENT_PREFIX = "/memora_content/"
CONTENT_TYPE = "application/json; charset=utf-8"
CACHE_CONTROL = "public, max-age=300"
with open(os.path.join(SITES, "common_site_config.json")) as common_site_config:
	DEFAULT_SITE = json.load(common_site_config)["default_site"]
SOCKET = {"sid": "none", "pingInterval": 3_600_000, "pingTimeout": 3_600_000}
SITE_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*$")


def site_of(environ: dict) -> str | None:
	"""Return the site that a request asks for; None when the bench has no such site."""
	name = environ.get("HTTP_X_FRAPPE_SITE_NAME") or environ.get("HTTP_HOST", "").split(":")[0]
	known = SITE_NAME.match(name) and os.path.isfile(os.path.join(SITES, name, "site_config.json"))
	return name if known else None


class PublishedContent:
	"""Answer requests for published files, pass on all others."""

	def __init__(self, application):
		self.application = application

	def __call__(self, environ, start_response):
		if not environ.get("PATH_INFO", "").startswith(CONTENT_PREFIX):
			return self.application(environ, start_response)
		return published_file(environ)(environ, start_response)


def published_file(environ: dict):
	if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
		raise MethodNotAllowed(["GET", "HEAD"])
	folder = os.path.join(SITES, environ["HTTP_X_FRAPPE_SITE_NAME"], "public", CONTENT_PREFIX.strip("/"))
	path = safe_join(folder, environ["PATH_INFO"][len(CONTENT_PREFIX) :])
	if path is None or not path.endswith(".json") or not os.path.isfile(path):
		raise NotFound
	response = send_file(path, environ, mimetype="application/json", conditional=True)
	response.headers.remove("Content-Disposition")
	response.headers["Content-Type"] = CONTENT_TYPE
	response.headers["Cache-Control"] = CACHE_CONTROL
	return response


class NoPushes:
	"""Answer Desk's socket.io client in the place of a socket server, pass on all other requests.

	Desk cannot do without a client (with `disable_async` its lists and forms fail), and a client that
	reaches nobody tries again and reports errors. One that the server disconnects stays away in silence.
	"""

	def __init__(self, application):
		self.application = application

	def __call__(self, environ, start_response):
		if not environ.get("PATH_INFO", "").startswith("/socket.io/"):
			return self.application(environ, start_response)
		packets = socket_packets(environ)
		return Response(packets, content_type="text/plain; charset=utf-8")(environ, start_response)


def socket_packets(environ: dict) -> str:
	"""Return engine.io's opening, or socket.io's connect (0) and disconnect (1) for the client's namespace.

	Frappe 15 connects to a namespace of the site's name, Frappe 14 to the main one.
	"""
	if environ["REQUEST_METHOD"] == "POST":
		return "ok"
	if "sid=" not in environ.get("QUERY_STRING", ""):
		return "0" + json.dumps({**SOCKET, "upgrades": [], "maxPayload": 1_000_000})
	namespaces = ("", f"/{environ['HTTP_X_FRAPPE_SITE_NAME']},")
	return "\x1e".join(f'40{name}{{"sid":"none"}}\x1e41{name}' for name in namespaces)


class KnownSite:
	"""Give every request a site: its own, else the default one."""

	def __init__(self, application, files):
		self.application = application
		self.files = files

	def __call__(self, environ, start_response):
		site = site_of(environ) or DEFAULT_SITE
		environ["HTTP_X_FRAPPE_SITE_NAME"] = site
		try:
			path = environ.get("PATH_INFO", "")
			if path.startswith("/files/"):
				if ".." in path.split("/"):  # Frappe's middleware would follow it out of the folder
					raise NotFound
				return self.files({**environ, "HTTP_HOST": site}, start_response)
			return self.application(environ, start_response)
		except HTTPException as refusal:
			return refusal(environ, start_response)


assets = SharedDataMiddleware(
	NoPushes(PublishedContent(frappe_application)), {"/assets": os.path.join(SITES, "assets")}
)
files = StaticDataMiddleware(frappe_application, {"/files": SITES})
application = KnownSite(assets, files)
