"""What docs/performance.md reports, to be run again: `benchmarks/run`.

`launch` brings the bench up and starts `measure` inside its environment; `measure` runs the sections (`requests`,
`service_calls`, `batches`, `export`, `scale`, `peers`), which return lines, and `report` judges and prints these.
"""
