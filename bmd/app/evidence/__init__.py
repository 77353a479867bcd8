"""The Evidence page: what is known of every network, ours beside the papers'.

============  =======================================================================================================
`page`        title, filters, and which of the four parts is open; the address names it
`found`       what there is to show: rows of ``docs/results``, published rows without one, figures on patients
`tables`      tables of the papers, ours beside theirs, and figures on patients before them
`files`       the same as CSV
`plots`       curves and clouds of one row, bars of a table
`compare`     all networks of a role on one study
============  =======================================================================================================

Cards of networks are those of `bmd.app.cards`. Nothing here imports torch before a study is compared.
"""
