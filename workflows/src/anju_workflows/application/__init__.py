"""Application (资格申请): from submission to the waiting list."""
