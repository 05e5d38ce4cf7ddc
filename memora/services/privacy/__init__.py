"""What a player may ask about his data: to have it (personal_data) and to have it erased (deletion_request, erasure).

	tombstones        keyed hashes of who was erased, in the database and beside it
	erasure           the steps, and the scheduled job that takes up what is unfinished or came back
	deletion_request  Frappe's request, with Memora's steps around its own
	daily_totals      what erased players did, by day, without them
	traces            a search of every text in the database
	copies            Redis, Memora's and Frappe's
	log_files         the bench's and the site's
	identity          by which words a person is found
	personal_data     the download

docs/privacy.md tells it as a whole.
"""
