"""MariaDB for one bench: an account to run as, a data folder of its own, its configuration."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from pathlib import Path

from devbench import commands, progress
from devbench.layout import HOST, Bench, write_text
from devbench.system_packages import find

LONGEST_SOCKET_PATH = 100  # the kernel allows 107 bytes


def account(data: Path) -> str | None:
	"""Return the account that MariaDB runs as: None for ours.

	MariaDB refuses to be root unless told so. `mysql` is used where it can reach the data
	folder, which it cannot below a private home.
	"""
	if os.geteuid() != 0:
		return None
	try:
		pwd.getpwnam("mysql")
	except KeyError:
		return "root"
	reaches = ["setpriv", "--reuid", "mysql", "--regid", "mysql", "--clear-groups", "test", "-x", str(data)]
	return "mysql" if subprocess.run(reaches, check=False, capture_output=True).returncode == 0 else "root"


def initialise(bench: Bench) -> None:
	"""Make the data folder, whole or not at all."""
	target = bench.data / "mariadb"
	if target.exists():
		return
	new = bench.data / "mariadb.new"
	user = account(bench.data)
	with progress.timed("MariaDB's data folder"):
		shutil.rmtree(new, ignore_errors=True)
		commands.run(
			[
				find("mariadb-install-db"),
				"--no-defaults",
				f"--datadir={new}",
				"--auth-root-authentication-method=normal",
				"--skip-name-resolve",
				"--skip-test-db",
				*([f"--user={user}"] if user else []),
			],
			bench.logs / "mariadb-install.log",
			"MariaDB could not make its data folder.",
		)
		new.rename(target)


def _socket_path(bench: Bench) -> Path:
	path = bench.data / "mariadb" / "mariadb.sock"
	if len(str(path).encode()) <= LONGEST_SOCKET_PATH:
		return path
	return Path("/tmp") / f"memora-{progress.fingerprint([str(bench.home)])[:12]}.sock"


def write_configuration(bench: Bench, port: int, root_password: str) -> None:
	first_statements = bench.config / "mariadb-init.sql"
	write_text(
		bench.config / "mariadb.cnf",
		f"""[mariadbd]
datadir = {bench.data / "mariadb"}
socket = {_socket_path(bench)}
pid-file = {bench.data / "mariadb" / "mariadb.pid"}
bind-address = {HOST}
port = {port}
character-set-server = utf8mb4
collation-server = utf8mb4_unicode_ci
character-set-client-handshake = FALSE
skip-name-resolve
init-file = {first_statements}
innodb-buffer-pool-size = 256M
max-connections = 300

[client]
port = {port}
default-character-set = utf8mb4
""",
	)
	# Anonymous users would hide 'name'@'%' from local clients.
	write_text(
		first_statements,
		f"""CREATE OR REPLACE USER 'root'@'localhost' IDENTIFIED BY '{root_password}';
CREATE OR REPLACE USER 'root'@'{HOST}' IDENTIFIED BY '{root_password}';
GRANT ALL PRIVILEGES ON *.* TO 'root'@'localhost' WITH GRANT OPTION;
GRANT ALL PRIVILEGES ON *.* TO 'root'@'{HOST}' WITH GRANT OPTION;
DELETE FROM mysql.global_priv WHERE User = '';
FLUSH PRIVILEGES;
""",
	)
	user = account(bench.data)
	if user:
		entry = pwd.getpwnam(user)
		os.chown(first_statements, entry.pw_uid, entry.pw_gid)
	first_statements.chmod(0o400)


def command_line(bench: Bench) -> list[str]:
	user = account(bench.data)
	argv = [find("mariadbd") or "mariadbd", f"--defaults-file={bench.config / 'mariadb.cnf'}"]
	return argv + ([f"--user={user}"] if user else [])


def greets(port: int) -> bool:
	"""Whether MariaDB's greeting packet comes on connecting (protocol version 10 in its fifth byte)."""
	try:
		with socket.create_connection((HOST, port), timeout=2) as connection:
			return connection.recv(5)[4:5] == b"\x0a"
	except OSError:
		return False
