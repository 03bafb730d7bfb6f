"""What a policy would have decided on events that are stored, by the code that decides on those that come."""
