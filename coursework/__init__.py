"""Assignments of the course: releasing them to students, and grading what comes back, safely."""
