"""What is slow to make, once for a module or a run."""

from collections.abc import Iterator

import pytest

from closeloop.offline.classifier import OfflineClassifier
from closeloop.offline.taxonomy import Taxonomy, load_taxonomy
from tests.support.desk import ROOT
from tests.unit.offline_support import Desk


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk for the offline resolver."""
    with Desk(tmp_path_factory.mktemp("desk")) as opened:
        yield opened


@pytest.fixture(scope="session")
def taxonomy() -> Taxonomy:
    """The shipped taxonomy."""
    return load_taxonomy(ROOT / "policies")


@pytest.fixture(scope="session")
def classifier(taxonomy: Taxonomy) -> OfflineClassifier:
    """The offline classifier, trained on the shipped taxonomy alone."""
    return OfflineClassifier(taxonomy)
