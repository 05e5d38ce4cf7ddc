"""Which addresses Memora may connect to or hand out. Pure: nothing is resolved, nothing is sent.

Accepted: `https` to any host, and `http` to this machine only (localhost, 127.0.0.0/8, ::1). Private networks are
accepted over `https`: an S3 server of one's own is a normal setup.

Refused whatever the scheme: link-local addresses and the metadata services of cloud providers (they hand out the
machine's credentials), multicast, unspecified and reserved addresses, addresses in disguise (decimal, octal, hexadecimal
or shortened IPv4), and credentials inside the address.
"""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

MAX_ADDRESS_LENGTH = 500

METADATA_HOSTS = frozenset(
	{"metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"}
)
METADATA_ADDRESSES = frozenset(
	ipaddress.ip_address(address)
	for address in ("100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254")
)

_HOST_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\Z")
# A last label that is a number makes resolvers read the whole name as an IPv4 address.
_NUMERIC_LAST_LABEL = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\Z")

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def check_address(url: str) -> str:
	"""Return the address without surrounding spaces and trailing slash.

	Raises:
		ValueError: a sentence without full stop that says what is wrong with it.
	"""
	url = url.strip().rstrip("/")
	parts = _split(url)
	host = _host(parts)
	address = _ip_address(host)
	_refuse_dangerous(host, address)
	if parts.scheme == "http" and not _is_this_machine(host, address):
		raise ValueError("must use https: plain http is only for this machine")
	return url


def _split(url: str) -> SplitResult:
	if len(url) > MAX_ADDRESS_LENGTH:
		raise ValueError(f"must have at most {MAX_ADDRESS_LENGTH} characters")
	if re.search(r"[\s\x00-\x1f\x7f\\]", url):
		raise ValueError("must not contain spaces, control characters or backslashes")
	try:
		parts = urlsplit(url)
		parts.port  # noqa: B018  reading it is what checks it
	except ValueError:
		raise ValueError("is not a valid address") from None
	if parts.scheme not in ("http", "https"):
		raise ValueError("must start with https://")
	if "@" in parts.netloc:
		raise ValueError("must not contain a user name or password")
	if parts.query or parts.fragment:
		raise ValueError("must not contain a query or a fragment")
	return parts


def _host(parts: SplitResult) -> str:
	"""The host in the form in which a resolver would see it."""
	host = (parts.hostname or "").rstrip(".")
	if not host:
		raise ValueError("must name a host")
	if ":" in host:
		return host
	try:
		return host.encode("idna").decode().lower()
	except UnicodeError:
		raise ValueError("does not name a valid host") from None


def _ip_address(host: str) -> IpAddress | None:
	try:
		address = ipaddress.ip_address(host)
	except ValueError:
		if not _HOST_NAME.match(host) or _NUMERIC_LAST_LABEL.match(host):
			raise ValueError("does not name a valid host") from None
		return None
	return _embedded_ipv4(address) or address


def _embedded_ipv4(address: IpAddress) -> ipaddress.IPv4Address | None:
	"""The IPv4 address that an IPv6 one reaches: mapped, 6to4, or through NAT64."""
	if address.version == 4:
		return None
	if address in ipaddress.ip_network("64:ff9b::/96"):
		return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
	return address.ipv4_mapped or address.sixtofour


def _refuse_dangerous(host: str, address: IpAddress | None) -> None:
	if host in METADATA_HOSTS or address in METADATA_ADDRESSES:
		raise ValueError("must not be a metadata service")
	if address is None or address.is_loopback:
		return
	if address.is_link_local:
		raise ValueError("must not be a link-local address")
	if address.is_multicast or address.is_unspecified or address.is_reserved:
		raise ValueError("must not be a multicast, unspecified or reserved address")


def _is_this_machine(host: str, address: IpAddress | None) -> bool:
	return address.is_loopback if address else host == "localhost"
