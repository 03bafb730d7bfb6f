"""What mailbox providers say of domains and IPs, asked for once a day and kept raw in the log."""
