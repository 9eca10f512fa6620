"""What a workflow reports on its page."""

import sys

from scripts.workflow import notice


def test_it_is_reported_in_the_log_and_on_the_page(monkeypatch, tmp_path, capsys):
    page = tmp_path / "page.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    monkeypatch.setattr(sys, "argv", ["notice", "Nothing was checked."])
    notice.main()
    assert capsys.readouterr().out == "::notice::Nothing was checked.\n"
    assert page.read_text() == "Nothing was checked.\n\n"
