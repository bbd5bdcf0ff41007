"""The audit of a model: its invariances, how far they reach, and whether they are right for the data."""

from augrad.auditing.audits import audit
from augrad.auditing.certificate import Certificate, certify
from augrad.auditing.comparison import AuditComparison
from augrad.auditing.measurements import Measurement
from augrad.auditing.pipelines import audit_pipeline
from augrad.auditing.result import AuditReport
from augrad.auditing.verdicts import Verdict
from augrad.report.estimate import Estimate

__all__ = [
    "AuditComparison",
    "AuditReport",
    "Certificate",
    "Estimate",
    "Measurement",
    "Verdict",
    "audit",
    "audit_pipeline",
    "certify",
]
