"""Jobs of the registry."""

from datetime import date
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from common import clock
from common.models import JobProblem
from common.services import Progress, job
from stations import services

MOST_PROBLEMS = 10_000  # kept by row; a file with more is simply the wrong file


@job("stations.import_divisions")
def import_divisions(progress: Progress) -> dict[str, Any]:
    row = progress.job
    result = services.import_divisions(
        path=Path(row.input_file.path),
        edition=row.params["edition"],
        valid_from=date.fromisoformat(row.params["valid_from"]),
        at=clock.now(),
        by=row.user,
        dry_run=row.dry_run,
        step=lambda done, total: progress.step(done, total, _("Reading the list")),
    )
    progress.problems(
        [
            JobProblem(
                job=row, row=p.row, column=p.column[:60], code=p.code, detail=p.detail[:400], value=p.value[:200]
            )
            for p in result.problems[:MOST_PROBLEMS]
        ]
    )
    progress.step(result.rows, result.rows)
    return {
        "message": result.message,
        "rows": result.rows,
        "opened": result.opened,
        "renamed": result.renamed,
        "moved": result.moved,
        "reopened": result.reopened,
        "closed": result.closed,
        "refused": len(result.problems),
    }
