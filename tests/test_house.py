"""The house's own files: settings that exist, limits that agree, commands that are documented."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from bmd import __version__, cli
from bmd.readers.limits import MAX_FILE_BYTES


@pytest.fixture(scope="module")
def settings(repository: Path) -> dict[str, dict[str, object]]:
    return tomllib.loads((repository / ".streamlit" / "config.toml").read_text("utf-8"))


def flat(settings: dict, above: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in settings.items():
        inner = flat(value, f"{above}{name}.") if isinstance(value, dict) else {above + name: value}
        found |= inner
    return found


def test_every_setting_exists_in_streamlit(settings: dict) -> None:
    from streamlit import config

    config.get_config_options()
    known = {option.key for option in config._config_options_template.values()}
    assert set(flat(settings)) <= known


def test_upload_limit_agrees_with_the_library(settings: dict) -> None:
    assert settings["server"]["maxUploadSize"] * 2**20 == MAX_FILE_BYTES


def test_visitors_see_no_traceback_and_are_not_counted(settings: dict) -> None:
    assert settings["browser"]["gatherUsageStats"] is False
    assert settings["client"]["showErrorDetails"] == "none"
    assert settings["client"]["showErrorLinks"] is False
    assert settings["runner"]["magicEnabled"] is False


def test_commands_in_the_readme_parse(repository: Path) -> None:
    lines = re.findall(r"^    python -m bmd (.+?)(?:\s+#.*)?$", (repository / "README.md").read_text("utf-8"), re.M)
    assert len(lines) >= 6
    for line in lines:
        assert cli._parser().parse_args(line.split()).run


def test_make_targets_in_the_documents_exist(repository: Path) -> None:
    makefile = (repository / "Makefile").read_text("utf-8")
    named = set()
    for document in ("README.md", "CONTRIBUTING.md"):
        named |= set(re.findall(r"^    make (\w+)", (repository / document).read_text("utf-8"), re.M))
    assert {"app", "test"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_version_is_in_the_changelog_once_released(repository: Path) -> None:
    text = (repository / "CHANGELOG.md").read_text("utf-8")
    assert f"## {__version__}" in text or "## Unreleased" in text


def test_build_script_runs_and_stops_on_failure(repository: Path) -> None:
    script = repository / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in script.read_text("utf-8")
    assert subprocess.run(["bash", "-n", str(script)]).returncode == 0


def test_no_committed_text_names_the_place_it_was_written(repository: Path) -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=repository, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    place = re.compile("/" + r"work/(main|shared|\.library)|/opt/" + "pypi")
    for name in listed.stdout.splitlines():
        path = repository / name
        if path.suffix in (".py", ".md", ".toml", ".txt", ".json", ".yaml", "") and path.is_file():
            assert not place.search(path.read_text("utf-8", errors="ignore")), name
