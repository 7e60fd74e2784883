"""The job log: what ETL jobs that run elsewhere say of their runs, asked for and written as PostgREST's clients do.

Pure: requests as text -> trees, rows -> answers; `store` turns trees into SQL. From outside in:

- `request`: one HTTP request, read. `address`: its query string. `preferences`, `paging`, `media`, `payload`.
- `filters`, `selects`: the grammar of a parameter's value, over `scanner`. `tree`: what they read.
- `table`: the nine columns. `literals`, `instants`: PostgreSQL's spelling of their values.
- `render`: rows -> JSON and CSV. `refusal`: why a request is not answered, in PostgREST's words.
"""
