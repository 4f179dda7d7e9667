"""What people are known by, in one form everywhere: what is typed, what the sign-on says and what registers answer is compared only after this."""
