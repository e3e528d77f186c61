"""Parts of the catalogue that exist for speed alone.

With BOOKS_FAST_PATHS=false nothing here is used: the service gives the same answers through Django's ORM and DRF's
serializers, slower. That tells whether a fast path is the cause of a fault. What each module saves, in CPU time of one
request (docs/performance.md):

- `cache`, `version`: on PostgreSQL all of a read but authentication and one round trip: 900 of 1,490 µs.
- `reading`, `prepared`: the ORM's composing of SQL and rows, 480 µs of a page of 20 books and 700 µs of one book;
  PostgreSQL's planning, 40 to 200 µs.
- `representing`: model instances and the serializer, some 900 µs of a page of 20 books.
- `ranking`: the ORM's composing of SQL, and a second look-up of each of up to 1,100 candidates of a search.
- `adding`: seven round trips and the ORM's work for them, 1,000 µs of an added book.
- `bulk`: an INSERT for each batch of an import.
"""
