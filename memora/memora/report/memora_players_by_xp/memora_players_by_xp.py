from memora.memora.report import player_columns
from memora.services import player_lists


def execute(filters=None):
	filters = filters or {}
	players = player_lists.by_xp(player_columns.read_limit(filters), player_columns.read_plan(filters))
	return player_columns.columns(), players, player_columns.note()
