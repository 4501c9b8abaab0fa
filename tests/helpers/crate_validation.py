"""The validator of run crates, without a network: the context that it fetches comes from an installed package."""

import json
from importlib.resources import files
from pathlib import Path

from requests import Request
from requests_cache import CachedRequest, CachedResponse
from rocrate_validator.models import ValidationSettings
from rocrate_validator.services import validate
from rocrate_validator.utils.http import HttpRequester

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
# `rocrate` ships the context of RO-Crate 1.3, where some terms have other addresses than in 1.1, the profile's.
SINCE_1_3 = {"https://bioschemas.org/terms/": "https://bioschemas.org/"}


def violations(crate: Path, cache: Path) -> list[str]:
    """What keeps a crate from being a Provenance Run Crate, at level REQUIRED."""
    keep_context(cache)
    settings = {
        "rocrate_uri": crate,
        "profile_identifier": "provenance-run-crate",
        "requirement_severity": "REQUIRED",
        "offline": True,
        "cache_path": cache,
    }
    result = validate(ValidationSettings(**settings))
    return [f"{issue.check.identifier}: {issue.message}" for issue in result.get_issues()]


def keep_context(cache: Path) -> None:
    """Put the context into the validator's cache."""
    context = json.loads(files("rocrate.data").joinpath("ro-crate.jsonld").read_text())
    for term, address in context["@context"].items():
        for new, old in SINCE_1_3.items():
            if isinstance(address, str):
                context["@context"][term] = address.replace(new, old)
    session = HttpRequester.initialize_cache(cache_path=str(cache), offline=True).session
    request = Request("GET", CONTEXT).prepare()
    response = CachedResponse(
        url=CONTEXT,
        status_code=200,
        headers={"Content-Type": "application/ld+json"},
        request=CachedRequest.from_request(request),
        content=json.dumps(context).encode(),
    )
    session.cache.save_response(response, session.cache.create_key(request))
