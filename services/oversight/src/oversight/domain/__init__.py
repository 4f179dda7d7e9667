"""What is in force on a day, and how it is found: no input, no output."""
