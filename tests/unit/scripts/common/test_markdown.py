"""Parts of a Markdown page that a command writes."""

import pytest

from scripts.common.errors import CommandError
from scripts.common.markdown import replace_part


def test_a_page_without_a_place_for_a_part_is_left_alone(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("a\n<!-- x -->\nold\n<!-- /x -->\nb\n")
    assert replace_part(path, "x", "new\n") == "a\n<!-- x -->\nnew\n<!-- /x -->\nb\n"
    with pytest.raises(CommandError, match="has no lines <!-- y --> and <!-- /y -->"):
        replace_part(path, "y", "new\n")
