"""config.wsgi with a sabotage in it."""

from benchmarks.faults import sabotage
from config.wsgi import application

sabotage.change_statements()
sabotage.answer_before_commit()
__all__ = ["application"]
