import pytest

from .world import World


@pytest.fixture(scope="session")
def world(url, server, native, fresh):
    return World(url, server, native, fresh)


@pytest.fixture
def root(world):
    """The second client with the realm key: may do all, everywhere."""
    return world.root


@pytest.fixture
def organization(world):
    """A fresh organization's id."""
    return world.organization()


@pytest.fixture
def sdk(world, organization):
    """The released client with an administrator's key of `organization`."""
    return world.sdk(organization)


@pytest.fixture
def account(world):
    return world.account()
