"""The API as its code tells it: nothing here is written by hand that a signature, decorator or docstring says already.

- `schema`: types as JSON Schema, and an example of each.
- `operations`: what every endpoint takes, answers and refuses.
- `document`: all of it as OpenAPI 3.1; docs/openapi.json is its checked-in text.
- `page`: the document for people, at /memora/api-docs.
"""
