from importlib import util
from pathlib import Path
import pytest

spec = util.spec_from_file_location("cp", Path(__file__).with_name("test_compare_page.py"))
cp = util.module_from_spec(spec)
spec.loader.exec_module(cp)


@pytest.fixture
def vue():
    return True


def test_it(site, page):
    page.page.set_default_timeout(20000)
    page.page.get_by_text("Run", exact=True).first.wait_for(timeout=120000)
    cp.loras_are_saved(site, page.page, page)
