"""What builds and checks the house; nothing here runs in production."""
