"""What stands between the network and the API: who is asking, how often, in which language, and under which headers."""
