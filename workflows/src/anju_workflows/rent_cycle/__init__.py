"""RentCycle (账单): one bill."""
