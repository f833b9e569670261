from collections.abc import Mapping
from datetime import datetime

from common.services import Progress, job
from demo import services


@job(services.JOB_KIND)
def load_history(progress: Progress) -> Mapping[str, object]:
    return services.load_history(
        anchor=datetime.fromisoformat(progress.job.params["anchor"]),
        step=lambda done, total, words: progress.step(done, total, words),
    )
