"""./dev/demo: a student's day against a running server, told request by request.

    http_client.py   one player's HTTP: cookies, headers, waiting when the server says so
    transcript.py    how requests, answers and results are shown
    day.py           the steps and what each has to find
    cli.py           options, and where the server is

Standard library only; nothing of Memora or Frappe is imported: it sees what an app sees.
"""
