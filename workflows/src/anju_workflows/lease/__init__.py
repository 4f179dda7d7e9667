"""Lease (租赁合同): from the drafted contract through years of rent."""
