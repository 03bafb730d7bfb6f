"""Mails into the log: from Maildirs, IMAP folders and over LMTP, each kept raw before it is marked or acknowledged."""
