# ruff: noqa: S101 - tests are made of assertions.
"""What an authenticator and an authorization policy have to pass."""

from collections.abc import Sequence
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb import plugin as api
from cdb.plugin.testing.common import (
    PluginTests,
    identities,
    inherited,
    names,
    outcome,
    permissions,
)

_targets = st.builds(
    api.Target,
    object_type=names(),
    name=st.none() | names(),
    global_tag=st.none() | names(),
    payload_type=st.none() | names(),
)
# Addresses of documentation, which nobody has, and what is no address at all.
_addresses = st.integers(1, 254).map("203.0.113.{}".format) | st.text(max_size=20)


class AuthenticatorTests(PluginTests):
    """What an authenticator has to pass.

    Attributes:
        valid_credentials: what it knows somebody by.
        refused_credentials: what is for it and does not hold; empty only where
            `refuses_nothing` is set.

    """

    plugin: ClassVar[api.Authenticator]
    valid_credentials: ClassVar[Sequence[api.Credentials]]
    refused_credentials: ClassVar[Sequence[api.Credentials]]
    refuses_nothing: ClassVar[bool] = False

    def answers(self) -> object:
        """Return who the examples are, or why not."""
        every = (*self.valid_credentials, *self.refused_credentials)
        return [outcome(self.plugin.identify, each) for each in every]

    def test_valid_credentials_name_somebody(self) -> None:
        """And the method by which it is known."""
        assert self.valid_credentials
        for credentials in self.valid_credentials:
            identity = self.plugin.identify(credentials)
            assert identity is not None
            assert identity.subject
            assert identity.method

    def test_refused_credentials_are_refused_with_a_reason(self) -> None:
        """The reason has nothing of the token, since it is logged and shown."""
        assert bool(self.refused_credentials) != self.refuses_nothing
        for credentials in self.refused_credentials:
            with pytest.raises(api.CredentialsRefused, match=r".") as refused:
                self.plugin.identify(credentials)
            assert not _quotes(str(refused.value), credentials.token)

    @inherited
    @given(st.data())
    def test_invented_credentials_name_nobody(self, data: st.DataObject) -> None:
        """They are refused, or not known; never another exception."""
        known = sorted({name for each in self.valid_credentials for name in each.headers})
        header_names = st.sampled_from(known) | st.text() if known else st.text()
        scheme = data.draw(st.sampled_from([self.plugin.scheme.lower(), "x-other"]))
        credentials = api.Credentials(
            scheme,
            data.draw(st.text(max_size=200)) if scheme else "",
            data.draw(st.dictionaries(header_names, st.text(), max_size=3)),
            data.draw(_addresses),
        )
        try:
            found = self.plugin.identify(credentials)
        except api.CredentialsRefused as refused:
            found, reason = None, str(refused)
        else:
            reason = ""
        assert found is None or found.is_anonymous
        assert not _quotes(reason, credentials.token)


def _quotes(message: str, token: str) -> bool:
    """Tell whether a message has a part of a token that is long enough to be secret."""
    return any(len(part) >= 8 and part in message for part in token.split("."))


Question = tuple[api.Identity, api.Permission, api.Target]
"""Who asks to do what to which object."""


class AuthorizationPolicyTests(PluginTests):
    """What an authorization policy has to pass.

    Attributes:
        permitted: what somebody may do.
        denied: what somebody may not; empty only for an open policy.

    """

    plugin: ClassVar[api.AuthorizationPolicy]
    permitted: ClassVar[Sequence[Question]]
    denied: ClassVar[Sequence[Question]]

    def answers(self) -> object:
        """Return whether the examples are permitted."""
        return [self.plugin.permits(*each) for each in (*self.permitted, *self.denied)]

    def test_what_is_permitted_is_permitted(self) -> None:
        """Also before the object is known."""
        assert self.permitted
        assert all(self.plugin.permits(*each) is True for each in self.permitted)
        assert all(self.plugin.may_permit(*each[:2]) is True for each in self.permitted)

    def test_what_is_denied_is_denied(self) -> None:
        """Only an open policy denies nothing."""
        assert self.denied or self.plugin.is_open
        assert all(self.plugin.permits(*each) is False for each in self.denied)

    @inherited
    @given(permissions.filter(lambda each: each is not api.Permission.READ), _targets)
    def test_nobody_writes_without_a_name_unless_it_is_open(
        self, permission: api.Permission, target: api.Target
    ) -> None:
        """`is_open` is what the service warns of."""
        found = self.plugin.permits(api.ANONYMOUS, permission, target)
        assert found is self.plugin.is_open

    @inherited
    @given(st.data())
    def test_what_it_permits_it_may_permit(self, data: st.DataObject) -> None:
        """The question without an object is never stricter, and there are only yes and no."""
        known = [identity for identity, _, _ in (*self.permitted, *self.denied)]
        identity = data.draw(identities | st.sampled_from(known))
        permission, target = data.draw(permissions), data.draw(_targets)
        found = self.plugin.permits(identity, permission, target)
        assert isinstance(found, bool)
        assert self.plugin.may_permit(identity, permission) >= found
        assert self.plugin.permits(identity, permission, target) is found
