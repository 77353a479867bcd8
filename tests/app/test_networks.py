"""The choice between networks of one role: shown where there is one, and the result follows it."""

from __future__ import annotations

from bmd import modality
from bmd.app import networks, session, work
from bmd.text import text


def upload(at, name, data):
    """Upload a film."""
    return at.file_uploader(key="film_upload").upload(name, data, "image/png").run()


def picker(at):
    """The picker of the localiser, or None."""
    found = [box for box in at.selectbox if box.label == text("app.role.localiser")]
    return found[0] if found else None


def test_only_roles_with_several_networks_have_a_picker():
    assert networks.choices("film") == {"localiser": ("cmnet", "retinanet_aploss")}
    assert [kind for kind in modality.kinds() if networks.choices(kind)] == ["film"]


def test_another_network_gives_the_result_anew_and_back(app, fakes, monkeypatch):
    asked = []

    def analyse(study, progress, models):
        asked.append(dict(models))
        return fakes.report()

    monkeypatch.setattr(work, "analyse", analyse)
    at = upload(app(), "x.png", fakes.png())
    assert picker(at).value == "cmnet"
    picker(at).set_value("retinanet_aploss").run()
    assert not at.exception
    assert picker(at).value == "retinanet_aploss"
    picker(at).set_value("cmnet").run()
    assert asked == [{}, {"localiser": "retinanet_aploss"}, {"localiser": "cmnet"}]
    assert at.session_state["film"].report is not None


def test_a_refused_film_can_be_given_to_another_network(app, fakes, monkeypatch):
    monkeypatch.setattr(work, "analyse", lambda study, progress, models: fakes.report() if models else fakes.REFUSED)
    at = upload(app(), "x.png", fakes.png())
    assert not at.session_state["film"].report.suitability.suitable
    picker(at).set_value("retinanet_aploss").run()
    assert at.session_state["film"].report.suitability.suitable


def test_a_network_without_weights_is_not_offered(monkeypatch):
    known = {name: card for name, card in networks.cards.metadata().items() if name != "retinanet_aploss"}
    monkeypatch.setattr(networks.cards, "metadata", lambda: known)
    assert networks.choices("film") == {}


def test_what_was_chosen_goes_with_the_film(app, fakes, monkeypatch):
    at = upload(app(), "x.png", fakes.png())
    picker(at).set_value("retinanet_aploss").run()
    assert at.session_state["film"].models == {"localiser": "retinanet_aploss"}
    at.button(key="another").click().run()
    again = upload(at, "y.png", fakes.png())
    assert isinstance(again.session_state["film"], session.Held)
    assert again.session_state["film"].models == {}
    assert picker(again).value == "cmnet"
