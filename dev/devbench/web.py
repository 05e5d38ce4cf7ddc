"""The WSGI application that gunicorn serves: Frappe, and in front of it what nginx does on a server.

    /assets/...           sites/assets
    /files/...            the site's public/files
    /memora_content/...   the site's public/memora_content: published JSON, with its headers

A request whose Host names no site of the bench goes to the default site, so that
http://127.0.0.1:PORT works without an entry in /etc/hosts.
"""

import json
import os
import re

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.middleware.shared_data import SharedDataMiddleware
from werkzeug.utils import safe_join, send_file

from frappe.app import application as frappe_application
from frappe.middlewares import StaticDataMiddleware

SITES = os.environ["SITES_PATH"]
CONTENT_PREFIX = "/memora_content/"
CONTENT_TYPE = "application/json; charset=utf-8"
CACHE_CONTROL = "public, max-age=300"
with open(os.path.join(SITES, "common_site_config.json")) as common_site_config:
	DEFAULT_SITE = json.load(common_site_config)["default_site"]
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


class KnownSite:
	"""Give every request a site: its own, else the default one."""

	def __init__(self, application, files):
		self.application = application
		self.files = files

	def __call__(self, environ, start_response):
		site = site_of(environ) or DEFAULT_SITE
		environ["HTTP_X_FRAPPE_SITE_NAME"] = site
		try:
			if environ.get("PATH_INFO", "").startswith("/files/"):
				return self.files({**environ, "HTTP_HOST": site}, start_response)
			return self.application(environ, start_response)
		except HTTPException as refusal:
			return refusal(environ, start_response)


assets = SharedDataMiddleware(
	PublishedContent(frappe_application), {"/assets": os.path.join(SITES, "assets")}
)
files = StaticDataMiddleware(frappe_application, {"/files": SITES})
application = KnownSite(assets, files)
