"""Reading other people's CSV into the catalogue. One row's way:

`records` finds where it begins and ends, `layout` which cell is which field (`presets` know two catalogues by name),
`values` and `isbns` what the cells mean, `loading` which book it is and what changes. `rows` is what travels,
`seen` remembers which rows stood for what, `report` counts. `export` is the way back; `made_up` invents books for
benchmarks.
"""
