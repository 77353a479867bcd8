"""Heat maps that say where a result comes from, each with the numbers that say how far to trust it.

``film.explain``, ``ct.explain_ct`` and ``dxa.explain_dxa`` take alike the study a report was made from, that report as
``modality.analyse`` gives it, and the names of what to explain (by default all). They give one ``Explanation`` a map,
its ``fidelity`` as ``fidelity.numbers`` gives it, and raise ``WeightsError`` where the weights are missing or damaged.
"""
