"""An S3 that can also cut a connection off in the middle of an upload."""

import socket

from tests.site.cdn_export.publishing import StorageProxy


class CuttingProxy(StorageProxy):
	"""cut: a function of (method, path) that says whether to hang up without an answer, half of the body unread."""

	def reset(self):
		super().reset()
		self.cut = lambda method, path: False

	def handle(self, request):
		path = request.path.split("?")[0]
		if not self.cut(request.command, path):
			super().handle(request)
			return
		with self.lock:
			self.requests.append((request.command, path, dict(request.headers)))
		request.rfile.read(int(request.headers.get("Content-Length") or 0) // 2)
		request.connection.shutdown(socket.SHUT_RDWR)
		request.close_connection = True
