"""Writes of the reports."""

from reports.services.compute import compute_report

__all__ = ["compute_report"]
