import pytest

from .world import World


def pytest_collection_modifyitems(items):
    for item in items:
        # The older client's own, of whatever Python and urllib3 it meets.
        item.add_marker(pytest.mark.filterwarnings("ignore::DeprecationWarning"))


@pytest.fixture(scope="session")
def world(url, server, native, fresh):
    return World(url, server, native, fresh)


@pytest.fixture
def sdk(world):
    """The newer client with the realm key: the enterprise's service account."""
    return world.sdk


@pytest.fixture
def legacy(world):
    """The older client with the realm key."""
    return world.legacy


@pytest.fixture
def group(world):
    """A fresh group's id."""
    return world.group()


@pytest.fixture
def user(world):
    """A fresh user's id."""
    return world.user()
