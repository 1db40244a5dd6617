"""The order of the tests: the fast ones first, then the notebooks, then the browsers."""

LAST = ["test_notebooks", "test_browser", "test_live_page", "test_live_teach", "test_site"]


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LAST.index(item.path.stem) if item.path.stem in LAST else -1)
