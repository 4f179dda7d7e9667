"""Complaint (投诉、建议、举报、咨询): triage, desk, answer, rating."""
