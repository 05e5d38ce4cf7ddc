"""The only door to Cloudflare's API: dropping addresses from its cache. It never raises for what the API does."""

import contextlib
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import requests

CLOUDFLARE_API = "https://api.cloudflare.com/client/v4"
MAX_URLS_PER_PURGE = 30
PURGE_ATTEMPTS, PURGE_PAUSE_SECONDS = 3, 1
CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS = 5, 20


def purge_cdn_cache(zone_id: str, api_token: str, file_urls: Iterable[str]) -> dict[str, Any]:
	"""Drop addresses from Cloudflare's cache, thirty a call.

	Returns:
		Cloudflare's answer, of several calls together: {"success": bool, "errors": [{"code", "message"}],
		"messages": [], "result": the last call's}. It never raises for what the API answers or fails to.
	"""
	urls = list(file_urls)
	answers: list[dict[str, Any]] = []
	for start in range(0, len(urls), MAX_URLS_PER_PURGE):
		answered, answer = _purge(zone_id, api_token, urls[start : start + MAX_URLS_PER_PURGE])
		answers.append(answer)
		if not answered:
			break  # the API is away: a large plan's addresses would take it minutes to find out
	return {
		"success": all(answer.get("success") for answer in answers),
		"errors": [error for answer in answers for error in answer.get("errors") or ()],
		"messages": [message for answer in answers for message in answer.get("messages") or ()],
		"result": answers[-1].get("result") if answers else None,
	}


def _purge(zone_id: str, api_token: str, urls: list[str]) -> tuple[bool, dict[str, Any]]:
	"""Whether the API was there to answer, and what it last answered."""
	answer: dict[str, Any] = {}
	for attempt in range(PURGE_ATTEMPTS):
		if attempt:
			time.sleep(PURGE_PAUSE_SECONDS * attempt)
		status, answer = _post_purge(zone_id, api_token, urls)
		if status < 500 and status != 429:
			return True, answer
	return False, answer


def _post_purge(zone_id: str, api_token: str, urls: list[str]) -> tuple[int, dict[str, Any]]:
	"""One call: the status (599 when there was no answer) and the answer in Cloudflare's shape."""
	try:
		response = requests.post(
			f"{CLOUDFLARE_API}/zones/{quote(zone_id, safe='')}/purge_cache",
			json={"files": urls},
			headers={"Authorization": f"Bearer {api_token}"},
			timeout=(CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS),
			allow_redirects=False,
		)
	except requests.RequestException as error:
		return 599, _purge_failure(0, f"Cloudflare did not answer: {type(error).__name__}")
	with contextlib.suppress(ValueError):
		answer = response.json()
		if isinstance(answer, dict):
			return response.status_code, answer
	return response.status_code, _purge_failure(response.status_code, "Cloudflare answered no JSON")


def _purge_failure(code: int, message: str) -> dict[str, Any]:
	return {"success": False, "errors": [{"code": code, "message": message}], "messages": [], "result": None}
