"""Import of CSV catalogues, and export.

A row passes through `records` (CSV parser), `layout` (cells to fields; `presets` for known catalogues, `values`,
`isbns` and `people` for the contents of cells) and `loading` (matching and writing). `rows` is the data class of a row,
`seen` the index of rows that were read, `report` and `rejects` the result. `export` writes CSV; `synthetic` generates
books for benchmarks.
"""
