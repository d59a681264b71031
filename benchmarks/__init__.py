"""The figures that we promise, measured: `python -m benchmarks NAME...`, or `make bench` for all of them.

Each figure is one JSON line on stdout with `name`, `ours`, `floor`, `ratio`, `unit`, its own fields, `ok`, and
`fixed_work_ms` (how long the same plain work took around it: absolute times depend on it); what is being
done goes to stderr. Everything runs on a database server of its own, on a real disk, that is gone afterwards.
"""
