"""The directive `metrics-reference`: a table of all metrics, from where they are declared."""

from inspect import getfile
from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from cdb.rest import metrics


class MetricsReference(SphinxDirective):
    """Show every metric: name, labels, type, meaning."""

    has_content = False
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        # The page is built anew when a metric changes.
        self.env.note_dependency(getfile(metrics))
        return self.parse_text_to_nodes(reference())


def reference() -> str:
    """Return the table of all metrics, in MyST's Markdown."""
    lines = [
        "```{list-table}",
        ":header-rows: 1",
        ":widths: 38 18 12 32",
        "",
        "* - Metric",
        "  - Labels",
        "  - Type",
        "  - Meaning",
    ]
    for metric in metrics.METRICS:
        lines += [
            f"* - `{metric.name}`",
            f"  - {' '.join(f'`{label}`' for label in metric.labels)}",
            f"  - {metric.kind}",
            f"  - {metric.tells}",
        ]
    return "\n".join([*lines, "```"])


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("metrics-reference", MetricsReference)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
