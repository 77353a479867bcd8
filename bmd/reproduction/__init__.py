"""Every table of the five papers, ours beside theirs: ``python -m bmd reproduce PAPER``.

===============  ====================================================================================================
`plan`           what a table is: data by seeds, rows (a network, its recipe), what is measured, what is claimed
`papers/`        one file a paper with its tables
`datasets`       the simulated people of each split: made once, refused where splits overlap
`measures/`      what a network says of the test set, and the figures of that
`fit`            one row's training, its checkpoint chosen on the validation split alone
`points`         what plots are drawn from, of what a row said of the test set
`run`            a whole table: its budget; train what is missing, measure once, compare, write ``docs/results``
`results`        what stands in ``docs/results``: schema, reader, writer; imports nothing slow
`report`         the same as Markdown and CSV
===============  ====================================================================================================

A new paper is one new file in ``papers/`` with ``Table`` objects.
"""
