"""Ports: free when chosen, remembered, and named when somebody else took one."""

import socket
from pathlib import Path

import pytest
from devbench import layout, ports
from devbench.errors import BenchError

HOME = Path("/home/teacher/memora/.bench")


@pytest.fixture
def bench(tmp_path):
	bench = layout.Bench(tmp_path, tmp_path / ".bench")
	bench.make_folders()
	return bench


def test_every_server_gets_a_port_of_its_own_below_the_kernels_range_for_outgoing_connections():
	chosen = ports.choose(HOME, free=lambda port: True)
	assert list(chosen) == list(ports.NAMES)
	assert len(set(chosen.values())) == len(ports.NAMES)
	assert all(1024 < port < 32768 for port in chosen.values())


def test_two_checkouts_start_from_different_ports():
	here = ports.choose(HOME, free=lambda port: True)
	there = ports.choose(Path("/home/teacher/other/.bench"), free=lambda port: True)
	assert not set(here.values()) & set(there.values())


def test_a_block_with_one_taken_port_is_passed_over():
	first = ports.choose(HOME, free=lambda port: True)
	second = ports.choose(HOME, free=lambda port: port != first["redis_queue"])
	assert not set(first.values()) & set(second.values())


def test_a_machine_without_free_ports_is_told_so():
	with pytest.raises(BenchError, match="No free ports"):
		ports.choose(HOME, free=lambda port: False)


def test_remembered_ports_are_used_again(bench):
	ports.remember(bench, {"web": 12345})
	assert ports.load(bench) == {"web": 12345}


def test_a_web_port_of_ones_own_replaces_only_the_web_port(bench):
	ports.remember(bench, {"web": 12345, "s3": 12346})
	assert ports.load(bench, web_port=8000) == {"web": 8000, "s3": 12346}


def test_new_ports_are_others_than_the_remembered_ones(bench):
	remembered = ports.choose(bench.home)
	ports.remember(bench, remembered)
	assert not set(ports.load(bench, renew=True).values()) & set(remembered.values())


@pytest.mark.parametrize(("name", "option"), [("web", "--web-port NUMBER"), ("mariadb", "--new-ports")])
def test_a_port_taken_by_a_stranger_is_named_with_the_option_that_helps(name, option):
	with socket.socket() as stranger:
		stranger.bind(("127.0.0.1", 0))
		stranger.listen()
		port = stranger.getsockname()[1]
		with pytest.raises(BenchError, match=rf"Port {port} \({name}\) is taken.*{option}"):
			ports.require_free({name: port})
	ports.require_free({name: port})


@pytest.mark.parametrize("text", ["0", "-1", "65536", "29000000", "web", ""])
def test_an_option_that_is_no_port_is_refused(text):
	with pytest.raises(ValueError, match=r"."):
		ports.number(text)


def test_an_option_that_is_a_port_is_read():
	assert ports.number("8000") == 8000
