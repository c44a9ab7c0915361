"""The custom classifiers of the Glue API: kept here, since moto has none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from salespipe.local.api import AwsError, Call, Handler
from salespipe.local.crawlers.formats import Classifier, classifier_of
from salespipe.local.definitions import Definitions

if TYPE_CHECKING:
    from salespipe.local.api import Cloud

_KINDS: Final = ("JsonClassifier", "CsvClassifier", "GrokClassifier", "XMLClassifier")


class Classifiers:
    """Handlers of the classifier operations, and the classifiers themselves for a crawl."""

    def __init__(self, cloud: Cloud) -> None:
        self._clock = cloud.clock
        self._definitions = Definitions(cloud.store, "classifier")

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """Create, get, update and delete."""
        return {
            "CreateClassifier": self._create,
            "GetClassifier": lambda call: {"Classifier": self._get(call.region, call.params["Name"])},
            "GetClassifiers": self._list,
            "UpdateClassifier": self._update,
            "DeleteClassifier": self._delete,
        }

    def find(self, region: str, names: Iterable[str]) -> list[Classifier]:
        """What a crawler's list of classifiers means; names of deleted ones and kinds that are not run are left out.

        Grok and XML classifiers can be defined, but nothing is classified by them.
        """
        definitions = (self._definitions.get(region, name) for name in names)
        found = (classifier_of(definition) for definition in definitions if definition)
        return [classifier for classifier in found if classifier is not None]

    def missing(self, region: str, names: Iterable[str]) -> list[str]:
        """The names under which there is no classifier."""
        return [name for name in names if self._definitions.get(region, name) is None]

    def _get(self, region: str, name: str) -> dict[str, Any]:
        found = self._definitions.get(region, name)
        if found is None:
            raise AwsError("EntityNotFoundException", f"Classifier {name} not found.")
        return found

    def _create(self, call: Call) -> dict[str, Any]:
        kind, given = _given(call)
        name = given["Name"]
        if self._definitions.get(call.region, name) is not None:
            raise AwsError("AlreadyExistsException", f"Classifier with name {name} already exists.")
        now = self._clock()
        self._put(call.region, kind, {**given, "CreationTime": now, "LastUpdated": now, "Version": 1})
        return {}

    def _update(self, call: Call) -> dict[str, Any]:
        kind, given = _given(call)
        old = self._get(call.region, given["Name"]).get(kind)
        if old is None:
            raise AwsError("InvalidInputException", f"Classifier {given['Name']} is not a {kind}.")
        changed = {"LastUpdated": self._clock(), "Version": old["Version"] + 1}
        self._put(call.region, kind, {**old, **given, **changed})
        return {}

    def _put(self, region: str, kind: str, definition: dict[str, Any]) -> None:
        try:
            classifier_of({kind: definition})
        except ValueError as error:
            raise AwsError("InvalidInputException", str(error)) from error
        self._definitions.put(region, definition["Name"], {kind: definition})

    def _list(self, call: Call) -> dict[str, Any]:
        names, token = page(self._definitions.names(call.region), call.params)
        return {"Classifiers": [self._get(call.region, name) for name in names], **token}

    def _delete(self, call: Call) -> dict[str, Any]:
        self._get(call.region, call.params["Name"])
        self._definitions.delete(call.region, call.params["Name"])
        return {}


def page(names: list[str], params: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
    """One page of sorted names (MaxResults of them after NextToken), and the answer's NextToken if there are more."""
    rest = [name for name in names if name > params.get("NextToken", "")]
    count = params.get("MaxResults") or 100
    return rest[:count], ({"NextToken": rest[count - 1]} if len(rest) > count else {})


def _given(call: Call) -> tuple[str, dict[str, Any]]:
    kinds = [kind for kind in _KINDS if call.params.get(kind)]
    if len(kinds) != 1:
        raise AwsError("InvalidInputException", "Exactly one classifier must be given.")
    return kinds[0], dict(call.params[kinds[0]])
