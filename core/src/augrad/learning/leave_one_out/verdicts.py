"""The verdicts on a candidate, with a sign and a meaning for each. Used by evidence.py, table.py and page/."""

from __future__ import annotations

HELPS, HARMLESS, HARMS, UNDECIDED = VERDICTS = ("helps", "harmless", "harms", "undecided")

MARKS = {HELPS: "+", HARMLESS: "=", HARMS: "!", UNDECIDED: "?"}
"""A sign for each verdict, so that colours are not needed to distinguish verdicts."""

MEANINGS = {
    HELPS: "it lowers the error, and it is in the policy",
    HARMLESS: "the error hardly changes: the targets do not depend on it, but it teaches nothing either",
    HARMS: "it raises the error: the targets depend on something that it changes",
    UNDECIDED: "the samples do not tell, or it lowers the error by too little to join the policy",
}
