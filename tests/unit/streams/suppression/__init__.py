"""What is promised of the suppression service and its commands."""
