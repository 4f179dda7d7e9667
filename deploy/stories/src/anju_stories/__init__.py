"""People who use the running box through its public face, for the demo, the replay of Kaifeng's volume, and the journeys of the tests."""
