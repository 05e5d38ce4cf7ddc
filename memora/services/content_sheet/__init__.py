"""A whole subject as one spreadsheet, and back.

- `columns`: which columns a sheet has, what each holds and says of itself. Pure.
- `outline`: rows of a sheet <-> a tree of nodes. Pure.
- `matching`: a sheet's tree against the subject that is there: what an import has to do. Pure.
- `workbooks`: .xlsx and .csv <-> rows, and the template.
- `subject_reader`: a subject as a tree of nodes, from the database.
- `exporter`: a subject as a file.
- `importer`: does what `matching` says, through the documents, in one transaction.
- `runs`: an import in the background, and how far it is.
"""
