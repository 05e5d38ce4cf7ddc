"""Which addresses an administrator may enter, and which would let the server be used against itself."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memora.utils.addresses import check_address


@pytest.mark.parametrize(
	"url",
	[
		"https://s3.amazonaws.com",
		"https://account.r2.cloudflarestorage.com",
		"https://cdn.example.com:8443/base",
		"https://8.8.8.8",
		"https://[2606:4700::1111]",
		"https://192.168.1.10:9000",
		"https://localhost:9000",
		"http://localhost:8333",
		"http://127.0.0.1:8333",
		"http://127.8.9.10",
		"http://[::1]:8333",
		"https://bücher.example",
	],
)
def test_an_address_that_may_be_used_is_returned_as_it_is(url):
	assert check_address(url) == url


def test_spaces_around_and_slashes_behind_are_dropped():
	assert check_address("  https://cdn.example.com/files/  ") == "https://cdn.example.com/files"


@pytest.mark.parametrize(
	"url",
	[
		"http://example.com",
		"http://192.168.1.10:9000",
		"http://minio:9000",
		"http://[fd00::1]",
		"http://localhost.example.com",
	],
)
def test_plain_http_is_only_for_this_machine(url):
	with pytest.raises(ValueError, match="must use https"):
		check_address(url)


@pytest.mark.parametrize(
	"url",
	[
		"https://metadata.google.internal",
		"https://METADATA.google.internal.",
		"https://metadata",
		"https://100.100.100.200",
		"https://[fd00:ec2::254]",
	],
)
def test_a_metadata_service_is_refused(url):
	with pytest.raises(ValueError, match="metadata service"):
		check_address(url)


@pytest.mark.parametrize(
	"url",
	[
		"https://169.254.169.254",
		"http://169.254.169.254/latest/meta-data",
		"https://[fe80::1]",
		"https://[::ffff:169.254.169.254]",
		"https://[64:ff9b::169.254.169.254]",
		"https://[2002:a9fe:a9fe::1]",
		"https://１６９.254.169.254",
	],
)
def test_a_link_local_address_is_refused_in_every_disguise(url):
	with pytest.raises(ValueError, match="link-local"):
		check_address(url)


@pytest.mark.parametrize(
	"url", ["https://0.0.0.0", "https://[::]", "https://224.0.0.1", "https://255.255.255.255"]
)
def test_an_address_that_is_nobodys_is_refused(url):
	with pytest.raises(ValueError, match="multicast, unspecified or reserved"):
		check_address(url)


@pytest.mark.parametrize(
	"url",
	[
		"https://2852039166",
		"https://0xa9fea9fe",
		"https://0251.0376.0251.0376",
		"https://169.254.43518",
		"https://127.1",
	],
)
def test_a_number_that_resolvers_read_as_an_address_is_refused(url):
	with pytest.raises(ValueError, match="valid host"):
		check_address(url)


@pytest.mark.parametrize(
	("url", "reason"),
	[
		("", "must start with https"),
		("cdn.example.com", "must start with https"),
		("ftp://example.com", "must start with https"),
		("file:///etc/passwd", "must start with https"),
		("https://", "must start with https|must name a host"),
		("https:///path", "must name a host"),
		("https://user:secret@example.com", "user name or password"),
		("https://example.com@169.254.169.254", "user name or password"),
		("https://example.com?x=1", "query"),
		("https://example.com#x", "query"),
		("https://example.com:99999", "not a valid address"),
		("https://exam ple.com", "spaces"),
		("https://example.com\\@evil", "backslashes"),
		("https://example.com\r\nHost: evil", "spaces, control"),
		("https://exa%6dple.com", "valid host"),
		("https://-example.com", "valid host"),
		("https://example..com", "valid host"),
		("https://" + "a" * 600, "at most 500"),
	],
)
def test_what_is_no_plain_address_is_refused_with_its_reason(url, reason):
	with pytest.raises(ValueError, match=reason):
		check_address(url)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_accepted_over_https_exactly_when_it_can_be_somebodys_server(address):
	refused = (
		address.is_link_local
		or address.is_multicast
		or (address.is_reserved and not address.is_loopback)
		or address.is_unspecified
		or str(address) in ("100.100.100.200", "192.0.0.192")
	)
	assert _is_accepted(f"https://{address}") != refused


@given(st.ip_addresses(network=ipaddress.ip_network("169.254.0.0/16")))
def test_no_spelling_of_a_link_local_ipv4_address_passes(address):
	number = int(address)
	spellings = [str(address), str(number), hex(number), f"[::ffff:{address}]", f"[64:ff9b::{address}]"]
	assert not any(_is_accepted(f"https://{host}") for host in spellings)


@given(st.ip_addresses(v=6, network=ipaddress.ip_network("fe80::/10")))
def test_no_link_local_ipv6_address_passes(address):
	assert not _is_accepted(f"https://[{address}]")


@given(st.text(max_size=80))
def test_any_text_is_either_an_address_or_refused_with_a_value_error(text):
	for url in (text, f"https://{text}", f"http://{text}"):
		if _is_accepted(url):
			assert check_address(check_address(url)) == check_address(url)


def _is_accepted(url: str) -> bool:
	try:
		check_address(url)
	except ValueError:
		return False
	return True
