"""From settings and plugins to the rules that the services follow."""

from cdb.domain.points import IovMode
from cdb.registry.plugins import Plugins
from cdb.services.rules import Rules
from cdb.services.validation import FindContents, Validation, nothing_stored
from cdb.settings import Settings


def rules_of(
    settings: Settings, plugins: Plugins, contents: FindContents = nothing_stored
) -> Rules:
    """Return the rules of a service.

    Args:
        settings: of the service.
        plugins: those that it enables.
        contents: finds the contents of stored payloads, for validators that read them.

    """
    return Rules(
        tag_policy=plugins.tag_policy,
        dimensions=plugins.dimensions,
        default_dimension=settings.default_dimension,
        validation=Validation(plugins.makers, settings.forced_validators, contents),
        numbers_revisions=plugins.layout.numbers_revisions,
        keeps_payloads=bool(settings.payload_store),
        iov_mode=IovMode(settings.iov_mode),
        default_ends=settings.default_ends,
        delete_in_append_mode=settings.locked_delete == "allow",
        staged_keep=settings.staged_keep,
        lock_timeout_ms=int(settings.database_timeout.total_seconds() * 1000),
    )
