"""What the contract promises, by each of the three clients."""

import pytest

from . import cases
from .adapters import FOLDER, JavaScript, Newer, Node, Older


@pytest.fixture(scope="module", params=["box_sdk_gen", "boxsdk", "box-node-sdk"])
def client(request, world):
    if request.param == "box_sdk_gen":
        yield Newer(world, world.sdk)
    elif request.param == "boxsdk":
        yield Older(world, world.legacy)
    else:
        assert (FOLDER / "node_modules").exists(), f"npm ci --prefix {FOLDER}"
        node = Node(world)
        yield JavaScript(node, token=world.key)
        node.stop()


@pytest.mark.parametrize("entry", cases.CASES, ids=[entry[0] for entry in cases.CASES])
def test_a_refusal(world, client, entry):
    cases.check(world, client, entry)


def test_everything_goes_well(world, client):
    cases.everything_goes_well(world, client)
