"""Physics: a person of known bone density -> pictures with truth. No torch, no model; ``case`` is the door.

``person/`` makes the person and the skeleton, ``film/``, ``ct/`` and ``dxa/`` take the picture, ``shards/`` keep many
of them on disk, ``kernel`` and ``record`` compile what all of them compute.

What film, CT and DXA of one seed share
    The body (age, sex, stature, weight), areal densities, vertebral shapes and fractures (``person.sample``); the
    skeleton with its curvature, wear and marrow (``person.anatomy``); the mineral at every point of vertebrae, sacrum
    and hip bones (``person.bones``, ``person.pelvis``). Film and DXA also share the frame of the torso
    (``anatomy.Torso``), the rays (``film.casting``) and what lies over the bones (``film.devices``). Pictures of one
    ``Person`` with different seeds share the first of these only; the skeleton is drawn anew.

What each draws on its own, from the same stature and body mass index
    The soft tissue: a film has thickness maps with lungs and bowel gas (``film.tissue``), a DXA scan a smooth body with
    an uneven share of fat (``dxa.densitometer``), a CT an outline of its own filled with organs (``ct.torso``,
    ``ct.organs``). One body of organs for all would cost films their speed, and change pictures that networks were
    trained on. The femora: on CT with trabecular groups, so that a hip scan would read the person's density but for the
    error of its reading (``person.femur``); elsewhere plain (``pelvis.femur_density``). Ribs, implants, cement and
    aortic plaques: screws on a film say nothing of the CT of the same seed. A DXA picture is of the day of its reading:
    its vertebrae hold what was read, those of film and CT differ by the error of a reading (``person.density``). On DXA
    the share of the arch is drawn anew, and each vertebra is
    scaled until an ideal scan reads the person's density.
"""
