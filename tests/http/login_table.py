"""Who gets in: the tables of docs/security.md as data. tests/http/test_login_table.py plays every line of them."""

from typing import NamedTuple

# Who
NEWCOMER = "player without a device"
ONE_DEVICE = "player with one device"
TWO_DEVICES = "player with two devices"
DISABLED = "disabled player"
LOCKED_OUT = "player locked out by wrong passwords"
TWO_FACTOR = "player with two-factor login"
NO_PROFILE = "student without a profile"
DESK_USER = "desk user"
DESK_PLAYER = "desk user with a profile"
ADMINISTRATOR = "Administrator"
NOBODY = "nobody"
PLAYERS = (ONE_DEVICE, TWO_DEVICES)

# Ways in
MEMORA = "`memora.api.player.login`"
FRAPPE = "Frappe's login"
LINK = "login link"
RESET = "reset link"
PROVIDER = "identity provider"
IMPERSONATION = "impersonation"
WRONG_PASSWORD = "wrong password"
MEMORA_CODE = "`memora.api.player.login`, second step"
FRAPPE_CODE = "Frappe's login, second step"
WRONG_CODE = "second step, wrong code"
PASSWORD_WAYS = (MEMORA, FRAPPE)
DECIDED_WAYS = (MEMORA, FRAPPE, LINK, PROVIDER, IMPERSONATION)

# Device headers
OWN = "one of his"
OTHER = "another"
NONE = "none"
GARBAGE = "no UUID v4"
NO_DEVICE = (NONE, GARBAGE)
ANY = (OTHER, NONE, GARBAGE)

# What a request brings
LIVE = "the live session"
REPLACED = "a replaced session"
ENDED = "an ended session"
API_KEY = "an API key"
BASIC = "an API key by Basic"
BEARER = "a bearer token"
NOTHING = "nothing"
TOKENS = (API_KEY, BASIC, BEARER)

# Routes
PLAYER_ENDPOINT = "a player endpoint"
ANOTHER_ROUTE = "any other route"
CHECK_DEVICE = "`check_device_authorization`"
LOGOUT = "Frappe's logout"


class Login(NamedTuple):
	"""What a login answers. A cell of several values is that many lines."""

	who: str | tuple[str, ...]
	way: str | tuple[str, ...]
	device: str | tuple[str, ...]
	status: int
	error: str | None
	gets_session: bool


class Request(NamedTuple):
	who: str | tuple[str, ...]
	brings: str | tuple[str, ...]
	device: str | tuple[str, ...]
	route: str | tuple[str, ...]
	status: int
	error: str | None


LOGINS = (
	Login(NEWCOMER, DECIDED_WAYS, OTHER, 200, None, True),
	Login(NEWCOMER, DECIDED_WAYS, NO_DEVICE, 403, "DeviceIdRequired", False),
	Login(PLAYERS, DECIDED_WAYS, OWN, 200, None, True),
	Login(PLAYERS, DECIDED_WAYS, OTHER, 403, "DeviceNotAuthorized", False),
	Login(PLAYERS, DECIDED_WAYS, NO_DEVICE, 403, "DeviceIdRequired", False),
	Login(ONE_DEVICE, RESET, OWN, 200, None, True),
	Login(ONE_DEVICE, RESET, ANY, 200, None, False),
	Login(ONE_DEVICE, WRONG_PASSWORD, OWN, 401, "AuthenticationError", False),
	Login(DISABLED, (*PASSWORD_WAYS, LINK), OWN, 401, "AuthenticationError", False),
	Login(LOCKED_OUT, MEMORA, OWN, 429, "SecurityException", False),
	Login(LOCKED_OUT, FRAPPE, OWN, 500, "SecurityException", False),
	Login(TWO_FACTOR, PASSWORD_WAYS, OWN, 200, None, False),
	Login(TWO_FACTOR, (MEMORA_CODE, FRAPPE_CODE), OWN, 200, None, True),
	Login(TWO_FACTOR, (MEMORA_CODE, FRAPPE_CODE), OTHER, 403, "DeviceNotAuthorized", False),
	Login(TWO_FACTOR, (MEMORA_CODE, FRAPPE_CODE), NO_DEVICE, 403, "DeviceIdRequired", False),
	Login(TWO_FACTOR, WRONG_CODE, OWN, 401, "AuthenticationError", False),
	Login((NO_PROFILE, DESK_USER, ADMINISTRATOR), MEMORA, ANY, 403, "NoPlayerProfile", False),
	Login((NO_PROFILE, DESK_USER), (FRAPPE, LINK), ANY, 200, None, True),
	Login(ADMINISTRATOR, FRAPPE, ANY, 200, None, True),
	Login(DESK_PLAYER, (MEMORA, FRAPPE, LINK), ANY, 200, None, True),
)

REQUESTS = (
	Request(PLAYERS, LIVE, OWN, (PLAYER_ENDPOINT, ANOTHER_ROUTE, CHECK_DEVICE, LOGOUT), 200, None),
	Request(PLAYERS, LIVE, OTHER, (PLAYER_ENDPOINT, ANOTHER_ROUTE), 403, "DeviceNotAuthorized"),
	Request(PLAYERS, LIVE, NO_DEVICE, (PLAYER_ENDPOINT, ANOTHER_ROUTE), 403, "DeviceIdRequired"),
	Request(PLAYERS, LIVE, OTHER, (CHECK_DEVICE, LOGOUT), 200, None),
	Request(PLAYERS, LIVE, NO_DEVICE, CHECK_DEVICE, 403, "DeviceIdRequired"),
	Request(PLAYERS, LIVE, NO_DEVICE, LOGOUT, 200, None),
	Request(
		ONE_DEVICE, (REPLACED, ENDED), (OWN, *ANY), (PLAYER_ENDPOINT, CHECK_DEVICE), 401, "SessionReplaced"
	),
	Request(ONE_DEVICE, TOKENS, (OWN, *ANY), (PLAYER_ENDPOINT, ANOTHER_ROUTE), 401, "SessionReplaced"),
	Request(NOBODY, NOTHING, ANY, (PLAYER_ENDPOINT, CHECK_DEVICE), 403, "PermissionError"),
	Request((NO_PROFILE, DESK_USER), (LIVE, *TOKENS), ANY, PLAYER_ENDPOINT, 403, "NoPlayerProfile"),
	Request((NO_PROFILE, DESK_USER), (LIVE, *TOKENS), ANY, ANOTHER_ROUTE, 200, None),
	Request(ADMINISTRATOR, LIVE, ANY, PLAYER_ENDPOINT, 403, "NoPlayerProfile"),
	Request(DESK_PLAYER, (LIVE, *TOKENS), ANY, (PLAYER_ENDPOINT, ANOTHER_ROUTE), 200, None),
)


def logins_as_markdown() -> str:
	rows = [
		(
			line.who,
			line.way,
			line.device,
			line.status,
			_error(line.error),
			"yes" if line.gets_session else "no",
		)
		for line in LOGINS
	]
	return _table(("Who", "Way in", "`X-Device-ID`", "Status", "`exc_type`", "Session and cookie"), rows)


def requests_as_markdown() -> str:
	rows = [
		(line.who, line.brings, line.device, line.route, line.status, _error(line.error)) for line in REQUESTS
	]
	return _table(("Who", "Brings", "`X-Device-ID`", "To", "Status", "`exc_type`"), rows)


def _table(header: tuple[str, ...], rows: list[tuple]) -> str:
	lines = [header, ("---",) * len(header), *(tuple(_cell(value) for value in row) for row in rows)]
	return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value) -> str:
	return "; ".join(value) if isinstance(value, tuple) else str(value)


def _error(error: str | None) -> str:
	return f"`{error}`" if error else ""
