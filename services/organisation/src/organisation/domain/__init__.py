"""Who may do what, where and when: pure."""
