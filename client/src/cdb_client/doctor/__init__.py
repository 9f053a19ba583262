"""What `cdb doctor` looks at from a client's side: a service with all that is before it, a bundle.

Nothing is written: what tries whether a write's headers arrive asks for a global tag that does
not exist.
"""

from collections.abc import Iterator

Told = tuple[str, str, str]
"""The name of a check; `OK`, `WARNING` or `FAILED`; and one sentence."""

OK, WARNING, FAILED = "ok", "warning", "failed"

Findings = Iterator[Told]
