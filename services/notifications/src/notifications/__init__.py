"""Notifications: templates, inbox, SMS and delivery receipts."""
